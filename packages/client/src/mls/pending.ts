import { ByteReader, ByteWriter } from "./codec.ts";
import type { StateChange } from "./engine-types.ts";
import { MlsError } from "./errors.ts";
import { readChanges, writeChanges } from "./records.ts";

const KINDS = ["commit", "rejoin"] as const;

/** An epoch in waiting: drafted, not accepted. For a rejoin `changes` are complete, else relative to `epoch`. */
export interface PendingCommit {
  readonly kind: (typeof KINDS)[number];
  readonly groupId: Uint8Array;
  /** The epoch it was drafted in. */
  readonly epoch: bigint;
  readonly changes: readonly StateChange[];
}

const FORMAT = 1;

export function encodePendingCommit(pending: PendingCommit): Uint8Array {
  const writer = new ByteWriter().uint8(FORMAT).uint8(KINDS.indexOf(pending.kind));
  writer.bytes(pending.groupId).uint64(pending.epoch);
  writeChanges(writer, pending.changes);
  return writer.finish();
}

export function decodePendingCommit(bytes: Uint8Array, expected: PendingCommit["kind"]): PendingCommit {
  const reader = new ByteReader(bytes);
  if (reader.uint8() !== FORMAT || KINDS[reader.uint8()] !== expected)
    throw new MlsError("corrupt", `not a pending ${expected}`);
  const groupId = reader.bytes();
  const epoch = reader.uint64();
  const changes = readChanges(reader);
  reader.end();
  return { kind: expected, groupId, epoch, changes };
}
