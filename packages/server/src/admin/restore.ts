import { chmod, copyFile, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { openLogKey } from "../log/log-key.ts";
import { TransparencyLog } from "../log/transparency-log.ts";
import type { RelayStore } from "../store/contract.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { syncFile } from "./backup.ts";
import { BackupError } from "./backup-error.ts";
import { verifyBackup } from "./backup-manifest.ts";
import { bringAccountsBack } from "./logged-accounts.ts";
import { awaitsRepair, markRepair } from "./repair-mark.ts";

/** What became of a backup that was put back. */
export interface Restored {
  readonly madeAtMs: number;
  /** The restore generation that clients are told. */
  readonly generation: number;
  /** Entries in the transparency log. */
  readonly logSize: number;
}

/**
 * Puts a backup back into `dataFolder`, which must be missing or empty: all of it, or, when it throws, nothing. The
 * restore generation grows, and the log takes no new entries until it is repaired (`repairLog`) or taken as it is
 * ({@link acceptLogLoss}). Throws BackupError `not-empty`, `not-a-backup`, `damaged`.
 */
export async function restoreBackup({
  from,
  dataFolder,
  nowMs,
}: {
  readonly from: string;
  readonly dataFolder: string;
  readonly nowMs: number;
}): Promise<Restored> {
  const target = resolve(dataFolder);
  if ((await filesIn(target)).length > 0)
    throw new BackupError("not-empty", `${dataFolder} is not empty: a backup is put back into a new folder`);
  const { files, madeAtMs, settledLogSize } = await verifyBackup(from);
  const draft = `${target}.restoring`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  try {
    for (const { name } of files) {
      await copyFile(join(from, name), join(draft, name));
      await chmod(join(draft, name), 0o600);
      await syncFile(join(draft, name));
    }
    const { generation, logSize } = await beginAnew(draft, { settledLogSize, nowMs });
    await rename(draft, target);
    await syncFolder(dirname(target));
    return { madeAtMs, generation, logSize };
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** Lets the log of a restored folder go on from where it is. The caller holds the folder's lock. @returns whether it had to. */
export async function acceptLogLoss(dataFolder: string): Promise<boolean> {
  return withData(dataFolder, async ({ store }) => {
    const was = await awaitsRepair(store);
    await markRepair(store, false);
    return was;
  });
}

/** The store and the log of a folder on which no relay runs, for as long as `work` takes. */
export async function withData<T>(
  dataFolder: string,
  work: (data: { readonly store: RelayStore; readonly log: TransparencyLog }) => Promise<T>,
): Promise<T> {
  if (!(await filesIn(dataFolder)).includes("log-key.json"))
    throw new BackupError("not-a-backup", `there is no relay in ${dataFolder}`);
  const store = openSqliteStore({ path: join(dataFolder, "relay.db") });
  try {
    const log = await TransparencyLog.open({
      folder: dataFolder,
      key: await openLogKey(dataFolder, "localhost"),
    });
    return await work({ store, log }).finally(() => log.close());
  } finally {
    await store.close();
  }
}

/** A clock gives each restore of one backup a generation of its own, however often that is put back. */
async function beginAnew(
  folder: string,
  { settledLogSize, nowMs }: { readonly settledLogSize: number; readonly nowMs: number },
): Promise<{ readonly generation: number; readonly logSize: number }> {
  return withData(folder, async ({ store, log }) => {
    await markRepair(store, true);
    await bringAccountsBack({ store, log, from: settledLogSize, nowMs });
    const generation = await store.bumpGeneration(Math.floor(nowMs / 1000));
    return { generation, logSize: log.size };
  });
}

async function filesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  await folder.sync().finally(() => folder.close());
}
