import { keysUnder } from "../store/client-store.ts";
import { decodeRecord, seqKey } from "../store/record.ts";
import { deleteExpiry } from "./disappearing.ts";
import type { RoomRecord } from "./room-record.ts";
import { fallenBehind, timelineKey } from "./room-record.ts";
import type { RoomWork } from "./room-work.ts";
import type { StoredItem } from "./timeline.ts";

const UNKNOWN_HEAD = new Uint8Array(32);

/** How many entries before the cursor the relay is asked for again after a restore, to find where its log went on. */
const COMPARED_ENTRIES = 512;

/** The comparison of a room's log with the relay's, from a beginning of its deliveries on. */
export class RelayComparison {
  readonly generation: number;
  /** The relay's log when its deliveries began, once it has said so. */
  end: { readonly seq: number; readonly epoch: number } | undefined;
  /** Everything up to there was delivered. */
  caughtUp = false;
  /** An entry was another one than before, and the cursor went back. */
  rewound = false;
  readonly #cursor: number;

  /** @param cursor where it stood when the deliveries began. */
  constructor(cursor: number, generation: number) {
    this.#cursor = cursor;
    this.generation = generation;
  }

  /** Whether the relay's log ends before the cursor and was the same up to there. */
  get endsTooEarly(): boolean {
    return this.end !== undefined && this.end.seq < this.#cursor && !this.rewound;
  }
}

/** The relay's generation, if a backup was put back since the cursor was last known to be right. */
export function restoredSince({ generation }: RoomRecord, relay: number): number | undefined {
  return generation !== undefined && generation < relay ? relay : undefined;
}

/** The entry after which a relay of this generation is to begin: the cursor, or before it, to find where the log went on. */
export function resumeAfter(record: RoomRecord, generation: number): number {
  const { cursor, joinedAtSeq } = record;
  if (restoredSince(record, generation) === undefined) return cursor;
  return Math.min(cursor, Math.max(joinedAtSeq, cursor - COMPARED_ENTRIES));
}

/** Where the relay's log stands after it was put back from a backup. */
export interface RestoredLog {
  /** The last entry that it has in common with this device. */
  readonly seq: number;
  /** The room's epoch after that entry. */
  readonly epoch: number;
  readonly generation: number;
}

/**
 * Puts the cursor back to where the relay's log, put back from a backup, went on. What this device has read since stays in
 * its timeline, before the line that says so, and nowhere else. When the relay has lost commits, this device's keys are ahead
 * of the room: it comes back by the state that the relay has (docs/protocol.md §5.5).
 */
export function rewind(work: RoomWork, { seq, epoch, generation }: RestoredLog): void {
  const { record, changes, roomText, context } = work;
  const lost = record.cursor - seq;
  const after = keysUnder(`${roomText}/`);
  const from = `${roomText}/${timelineKey(seq + 1)}`;
  for (const [key, value] of context.store.range("timeline", { from, below: after.below })) {
    const item = decodeRecord<StoredItem>(value);
    changes.delete("timeline", key);
    if (item.kind === "message" && item.expiresAtMs !== undefined)
      deleteExpiry(changes, key, item.expiresAtMs);
    work.putItem(`${seqKey(seq)}.~${key.slice(roomText.length + 1)}`, item);
  }
  for (let gone = Math.max(seq + 1, record.cursor - COMPARED_ENTRIES); gone <= record.cursor; gone++)
    changes.delete("head", `${roomText}/${seqKey(gone)}`);
  record.head = work.knownHead(seq) ?? UNKNOWN_HEAD;
  record.cursor = seq;
  record.lastReadSeq = Math.min(record.lastReadSeq, seq);
  record.openGap = undefined;
  work.rewound = true;
  const text = `the server was put back from a backup: it has lost the last ${lost} entries of this room, which only those have who had got them`;
  const atMs = context.clock.nowMs();
  work.putItem(`${seqKey(seq)}.~~${seqKey(generation)}`, { kind: "event", seq, atMs, text });
  if (!work.group || work.group.epoch <= BigInt(epoch)) return;
  Object.assign(record, fallenBehind(record), { lostCommits: "untold", refused: undefined });
  work.followUps.add("rejoin");
}
