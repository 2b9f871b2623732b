import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { BackupError } from "./backup-error.ts";

/** What a backup of a data folder holds besides its databases, where it is there. All of it is the owner's alone. */
export const KEY_FILES = [
  "identity.json",
  "log-key.json",
  "next-key",
  "tls.pem",
  "tls-spki.txt",
  "address.json",
] as const;

/** The databases, in the order in which they are copied: the log holds whatever account the store holds. */
export const DATABASES = ["relay.db", "log.db"] as const;

const FILE = "parley-backup.json";
const FILE_NAMES: ReadonlySet<string> = new Set([...KEY_FILES, ...DATABASES]);

const manifest = z.object({
  version: z.literal(1),
  madeAtMs: z.int(),
  /** Entries of the transparency log whose accounts the copied store holds for sure. */
  settledLogSize: z.int(),
  files: z.array(
    z.object({
      name: z.string().check(z.refine((name) => FILE_NAMES.has(name))),
      sizeBytes: z.int(),
      sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
    }),
  ),
});

/** What `parley-backup.json` says of the files beside it. */
export type BackupManifest = z.infer<typeof manifest>;
/** One file of a backup. */
export type BackupFile = BackupManifest["files"][number];

/** Where the manifest of a backup lies. */
export function manifestPath(folder: string): string {
  return join(folder, FILE);
}

/** Throws BackupError `not-a-backup`. */
async function readManifest(folder: string): Promise<BackupManifest> {
  try {
    return manifest.parse(JSON.parse(await readFile(manifestPath(folder), "utf8")));
  } catch (error) {
    throw new BackupError("not-a-backup", `there is no finished backup in ${folder}`, { cause: error });
  }
}

/** Size and hash of a file, read in pieces. */
export async function describeFile(folder: string, name: string): Promise<BackupFile> {
  const digest = createHash("sha256");
  let sizeBytes = 0;
  for await (const piece of createReadStream(join(folder, name))) {
    digest.update(piece as Uint8Array);
    sizeBytes += (piece as Uint8Array).length;
  }
  return { name, sizeBytes, sha256: digest.digest("hex") };
}

/** Reads every file of a backup. Throws BackupError `not-a-backup`, `damaged`. */
export async function verifyBackup(folder: string): Promise<BackupManifest> {
  const found = await readManifest(folder);
  const names = new Set(found.files.map(({ name }) => name));
  for (const name of ["identity.json", "log-key.json", ...DATABASES]) {
    if (!names.has(name)) throw new BackupError("damaged", `${name} is missing from the backup`);
  }
  for (const file of found.files) {
    const { sizeBytes, sha256 } = await describeFile(folder, file.name).catch((cause: unknown) => {
      throw new BackupError("damaged", `${file.name} of the backup cannot be read`, { cause });
    });
    if (sizeBytes !== file.sizeBytes || sha256 !== file.sha256) {
      throw new BackupError("damaged", `${file.name} of the backup is not what was written`);
    }
  }
  return found;
}
