import { expect, it } from "vitest";
import { keysUnder } from "../store/client-store.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { seqKey } from "../store/record.ts";
import type { RoomRecord } from "./room-record.ts";
import { timelineKey } from "./room-record.ts";
import { restoredSince, resumeAfter, rewind } from "./room-rewind.ts";
import type { RoomContext } from "./room-work.ts";
import { RoomWork } from "./room-work.ts";
import type { StoredItem } from "./timeline.ts";
import { Timeline } from "./timeline.ts";

const ROOM = "00".repeat(16);
const HEAD = new Uint8Array(32).fill(7);

function recordAt(cursor: number, changes: Partial<RoomRecord> = {}): RoomRecord {
  return {
    room: new Uint8Array(16),
    name: "garden",
    topic: "",
    direct: false,
    key: new Uint8Array(32),
    state: "active",
    cursor,
    head: new Uint8Array(32).fill(9),
    joinedAtSeq: 2,
    createdAtMs: 0,
    lastReadSeq: cursor,
    unread: 0,
    mentions: 0,
    lastActivityMs: 0,
    generation: 1,
    ...changes,
  };
}

/** A room whose entries 3 to `cursor` are one message each, which goes away at 1000 + its seq. */
function workAt(cursor: number) {
  const store = new MemoryStore();
  const context = { store, clock: { nowMs: () => 500 } } as unknown as RoomContext;
  const timeline = new Timeline(store, ROOM, (id) => ({ id }) as never);
  const make = (record: RoomRecord) =>
    new RoomWork({
      context,
      roomText: ROOM,
      record,
      timeline,
      group: undefined,
      pending: undefined,
      outbox: new Map(),
      heads: new Map(),
      restored: 2,
    });
  const work = make(recordAt(cursor));
  for (let seq = 3; seq <= cursor; seq++) {
    const item: StoredItem = {
      kind: "message",
      seq,
      atMs: seq,
      account: new Uint8Array(32),
      text: `${seq}`,
      mentionsMe: false,
      expiresAtMs: 1000 + seq,
    };
    work.putItem(timelineKey(seq), item);
    work.changes.put("head", `${ROOM}/${seqKey(seq)}`, HEAD);
  }
  store.write(work.changes.list());
  return { store, work: make(recordAt(cursor)) };
}

it("going back keeps what was read, before the line that says so, and leaves its keys to what comes", () => {
  const { store, work } = workAt(8);
  rewind(work, { seq: 5, epoch: 0, generation: 2 });
  store.write(work.finish().list());
  expect(work.record).toMatchObject({ cursor: 5, head: HEAD, lastReadSeq: 5 });
  const keys = store.range("timeline", keysUnder(`${ROOM}/`)).map(([key]) => key.slice(ROOM.length + 1));
  expect(keys.slice(0, 3)).toEqual([3, 4, 5].map((seq) => timelineKey(seq)));
  expect(keys.slice(3, 6)).toEqual([6, 7, 8].map((seq) => `${seqKey(5)}.~${timelineKey(seq)}`));
  expect(keys).toHaveLength(7);
  expect(timelineKey(6) > (keys[6] ?? "")).toBe(true);
  expect(store.get("head", `${ROOM}/${seqKey(6)}`)).toBeUndefined();
  expect(store.get("head", `${ROOM}/${seqKey(5)}`)).toEqual(HEAD);
});

it("a message that was to disappear does so under its new key, and takes nothing with it that comes later", () => {
  const { store, work } = workAt(8);
  rewind(work, { seq: 5, epoch: 0, generation: 2 });
  store.write(work.finish().list());
  const expiries = store.range("expiry").map(([key]) => key);
  expect(expiries.slice(3)).toEqual(
    [6, 7, 8].map((seq) => `${seqKey(1000 + seq)}/${ROOM}/${seqKey(5)}.~${timelineKey(seq)}`),
  );
});

it("a relay is asked again for what is known only when it was restored since, and not for what was before this device", () => {
  expect(restoredSince(recordAt(9), 1)).toBeUndefined();
  expect(restoredSince(recordAt(9, { generation: undefined }), 7)).toBeUndefined();
  expect(restoredSince(recordAt(9), 2)).toBe(2);
  expect(resumeAfter(recordAt(9), 1)).toBe(9);
  expect(resumeAfter(recordAt(9), 2)).toBe(2);
  expect(resumeAfter(recordAt(2000), 2)).toBe(2000 - 512);
});
