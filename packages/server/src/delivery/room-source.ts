import { decodeRoomLogEntry, deviceText, ENTRY_KINDS, idText } from "@parley/protocol";
import type { RoomStore } from "../store/contract.ts";
import type { FeedSource, LogItem } from "./feed.ts";
import { frameEntries, frameForWire } from "./websocket-framing.ts";

/** One page of a log: small enough that a slow reader's page is no burden. */
export const PAGE_LIMITS = { maxEntries: 512, maxBytes: 256 * 1024 } as const;

/** Where an entry's kind stands: after version, room and seq (docs/protocol.md §5.1). */
const KIND_AT = 1 + 16 + 8;
const COMMIT = ENTRY_KINDS.indexOf("commit");

/** The topic of a room's log. */
export function roomTopic(room: Uint8Array): string {
  return `room/${idText(room)}`;
}

/** Reads from a stored entry what its delivery depends on: a commit tells who may not read on. */
export function roomLogItem(seq: number, bytes: Uint8Array): LogItem {
  if (bytes[KIND_AT] !== COMMIT) return { seq, bytes };
  const { added, removed } = decodeRoomLogEntry(bytes);
  if (removed.length === 0) return { seq, bytes };
  const stay = new Set(added.map(deviceText));
  return { seq, bytes, departures: removed.map(deviceText).filter((device) => !stay.has(device)) };
}

/** The log of `room`, read from the store. */
export function roomSource(store: RoomStore, room: Uint8Array): FeedSource {
  return {
    async read(afterSeq) {
      const entries = await store.readRoom(room, afterSeq, PAGE_LIMITS);
      return entries.map((entry, index) => roomLogItem(afterSeq + 1 + index, entry));
    },
    frame: (items) => frameEntries(items),
    farewell: (seq) => frameForWire({ kind: "removed", room, seq }),
  };
}
