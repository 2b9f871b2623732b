import { chmod, copyFile, mkdir, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { writeOwnerFile } from "../data-file.ts";
import { copyDatabase } from "../store/sqlite/copy-database.ts";
import { BackupError } from "./backup-error.ts";
import type { BackupManifest } from "./backup-manifest.ts";
import { DATABASES, describeFile, KEY_FILES, manifestPath, verifyBackup } from "./backup-manifest.ts";

/** What a relay that runs copies for a backup. */
export interface BackupSource {
  readonly dataFolder: string;
  /** Entries in the transparency log now. */
  logSize(): number;
  /** Writes a consistent copy of one database into the empty file at `path`, while everything goes on. */
  copy(database: (typeof DATABASES)[number], path: string): Promise<void>;
}

/**
 * Writes a copy of a data folder into `folder`, which is made, or must be empty. It is a backup only after
 * {@link finishBackup}. Throws BackupError `not-empty`.
 * @returns the size of the transparency log before anything was copied.
 */
export async function copyData(source: BackupSource, folder: string): Promise<number> {
  await makeEmptyFolder(folder);
  const settledLogSize = source.logSize();
  for (const name of DATABASES) {
    const path = join(folder, name);
    await (await open(path, "wx", 0o600)).close();
    await source.copy(name, path);
  }
  for (const name of KEY_FILES) await copyIfPresent(join(source.dataFolder, name), join(folder, name));
  return settledLogSize;
}

/** The source that is a folder on which no relay runs; the caller holds its lock. */
export function stoppedSource(dataFolder: string): BackupSource {
  return {
    dataFolder,
    logSize() {
      const database = new DatabaseSync(join(dataFolder, "log.db"));
      const row = database.prepare("SELECT size FROM head").get() as { size: number } | undefined;
      database.close();
      return row?.size ?? 0;
    },
    async copy(name, path) {
      const database = new DatabaseSync(join(dataFolder, name));
      await copyDatabase(database, path).finally(() => database.close());
    },
  };
}

/**
 * Checks the copies, makes them durable and writes the manifest; then reads everything once more. May run in another
 * process than the relay, which it would hold up. Throws BackupError `damaged`.
 */
export async function finishBackup(
  folder: string,
  { settledLogSize, nowMs }: { readonly settledLogSize: number; readonly nowMs: number },
): Promise<BackupManifest> {
  for (const name of DATABASES) checkDatabase(join(folder, name));
  const files = [];
  for (const name of (await readdir(folder)).sort()) {
    await syncFile(join(folder, name));
    files.push(await describeFile(folder, name));
  }
  const content: BackupManifest = { version: 1, madeAtMs: nowMs, settledLogSize, files };
  await writeOwnerFile(manifestPath(folder), `${JSON.stringify(content, undefined, 2)}\n`);
  return verifyBackup(folder);
}

/** One file without a journal beside it, whose pages hold together. */
function checkDatabase(path: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA journal_mode = DELETE");
    const verdict = Object.values(database.prepare("PRAGMA quick_check(1)").get() ?? {})[0];
    if (verdict !== "ok") throw new BackupError("damaged", `the copy in ${path} is damaged: ${verdict}`);
  } finally {
    database.close();
  }
}

/** Makes a folder that is its owner's alone; one that is there must be empty. Throws BackupError `not-empty`. */
async function makeEmptyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  if ((await readdir(folder)).length > 0) throw new BackupError("not-empty", `${folder} is not empty`);
}

async function copyIfPresent(from: string, to: string): Promise<void> {
  const present = await stat(from).catch(() => undefined);
  if (!present) return;
  await copyFile(from, to);
  await chmod(to, 0o600);
}

/** Makes a file durable. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  await file.sync().finally(() => file.close());
}
