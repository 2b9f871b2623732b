import type { DatabaseSync } from "node:sqlite";
import { backup } from "node:sqlite";

/** Pages copied in one step, during which the database answers nobody: 1 MiB. */
const STEP_PAGES = 256;

/**
 * Writes a copy of `database`, as it is when the last page has been copied, into the file at `path`, off the main thread
 * and step by step. What the same connection writes meanwhile is in the copy; nothing begins anew.
 */
export async function copyDatabase(database: DatabaseSync, path: string): Promise<void> {
  await backup(database, path, { rate: STEP_PAGES });
}
