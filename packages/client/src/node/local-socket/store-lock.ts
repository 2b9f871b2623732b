import { chmodSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** The right to write to a local store; held by one connection of one process at a time. */
export interface StoreLock {
  release(): void;
}

const SQLITE_BUSY = 5;

/**
 * Takes the lock of `folder`, or says at once that somebody has it (`undefined`). It is SQLite's lock on an empty
 * database, so the operating system frees it when its holder dies, however it dies, and nothing stale can remain.
 */
export function tryLockStore(folder: string): StoreLock | undefined {
  const path = join(folder, "lock.db");
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  if (process.platform !== "win32") chmodSync(path, 0o600);
  return { release: () => database.close() };
}
