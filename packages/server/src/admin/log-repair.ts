import { bytesEqual, isName } from "@parley/protocol";
import type { OpenedCheckpoint } from "@parley/trust/tlog";
import { CompactTree, hashLeaf, noteVerifier, openCheckpoint, TlogError, treeRoot } from "@parley/trust/tlog";
import * as z from "zod/mini";
import type { LoggedEntry } from "../log/logged-entry.ts";
import type { TransparencyLog } from "../log/transparency-log.ts";
import { BackupError } from "./backup-error.ts";
import { bringAccountsBack } from "./logged-accounts.ts";
import { markRepair } from "./repair-mark.ts";
import { withData } from "./restore.ts";

const BATCH_ENTRIES = 1024;

const header = z.object({ checkpoint: z.string() });
const line = z.object({
  entry: z.string(),
  name: z.optional(z.string()),
  opening: z.optional(z.string()),
});

/** What a repair has come to. */
export interface LogRepair {
  /** Entries that the log lacked. */
  readonly entries: number;
  /** Accounts that can log in again. */
  readonly accounts: number;
  /** Entries in the log now. */
  readonly size: number;
}

/**
 * Fills the log of a restored folder up from a member's copy (`parley log export`), and brings the accounts in it back.
 * Nothing is believed but what leads from the log as it is to a root that the log's own key has signed. `read` gives the
 * lines of the export, anew each time. The caller holds the folder's lock. A repair that was cut off can be repeated.
 *
 * Throws BackupError `other-log`, `log-went-on`.
 */
export async function repairLog({
  dataFolder,
  read,
  nowMs,
}: {
  readonly dataFolder: string;
  readonly read: () => AsyncIterable<string>;
  readonly nowMs: number;
}): Promise<LogRepair> {
  return withData(dataFolder, async ({ store, log }) => {
    const before = log.size;
    await requireContinuation(log, read());
    await appendRest(log, read());
    const { accounts } = await bringAccountsBack({ store, log, from: 0, nowMs });
    await markRepair(store, false);
    return { entries: log.size - before, accounts, size: log.size };
  });
}

/** The export leads through the log as it is, or to it, and to the root in its checkpoint. */
async function requireContinuation(log: TransparencyLog, lines: AsyncIterable<string>): Promise<void> {
  const rows = lines[Symbol.asyncIterator]();
  const checkpoint = await openExported(log, (await rows.next()).value as string | undefined);
  const tree = new CompactTree();
  const compare = async (): Promise<void> => {
    const wanted = Math.min(log.size, checkpoint.size);
    if (tree.size !== wanted || bytesEqual(tree.root, await treeRoot(wanted, log))) return;
    throw new BackupError(
      "log-went-on",
      "the log has gone on since the backup was put back, and the export is of what was before",
    );
  };
  await compare();
  for (let row = await rows.next(); !row.done; row = await rows.next()) {
    tree.append(hashLeaf(readEntry(row.value).entry));
    await compare();
  }
  if (tree.size !== checkpoint.size || !bytesEqual(tree.root, checkpoint.root)) throw notThisLog();
}

async function appendRest(log: TransparencyLog, lines: AsyncIterable<string>): Promise<void> {
  const known = log.size;
  let number = -1;
  let batch: LoggedEntry[] = [];
  for await (const text of lines) {
    if (number++ < known) continue;
    batch.push(readEntry(text));
    if (batch.length < BATCH_ENTRIES) continue;
    await log.append(batch);
    batch = [];
  }
  await log.append(batch);
}

async function openExported(log: TransparencyLog, text: string | undefined): Promise<OpenedCheckpoint> {
  const { checkpoint } = parse(header, text ?? "");
  const verifier = noteVerifier(log.key.vkey);
  try {
    const opened = await openCheckpoint(new TextEncoder().encode(checkpoint), [verifier]);
    if (opened.origin === verifier.name) return opened;
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
  }
  throw notThisLog();
}

function readEntry(text: string): LoggedEntry {
  const { entry, name, opening } = parse(line, text);
  if (name === undefined || opening === undefined || !isName(name)) return { entry: fromBase64(entry) };
  return { entry: fromBase64(entry), opening: { name, opening: fromBase64(opening) } };
}

function parse<Shape extends z.ZodMiniType>(shape: Shape, text: string): z.infer<Shape> {
  try {
    return shape.parse(JSON.parse(text));
  } catch (cause) {
    throw new BackupError("other-log", "the file is no export of a log", { cause });
  }
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch (cause) {
    throw new BackupError("other-log", "the file is no export of a log", { cause });
  }
}

function notThisLog(): BackupError {
  return new BackupError("other-log", "the file is no export of this relay's log, or it is damaged");
}
