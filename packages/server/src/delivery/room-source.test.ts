import type { RoomLogEntry } from "@parley/protocol";
import { ENTRY_KINDS, encodeRoomLogEntry } from "@parley/protocol";
import { expect, it } from "vitest";
import { roomLogItem } from "./room-source.ts";

const [ANA, BO, CY] = [1, 2, 3].map((device) => ({ account: new Uint8Array(32), device })) as [
  Device,
  Device,
  Device,
];
type Device = RoomLogEntry["sender"];

function entryOf(changes: Partial<RoomLogEntry>): Uint8Array {
  return encodeRoomLogEntry({
    room: new Uint8Array(16).fill(0xff),
    seq: Number.MAX_SAFE_INTEGER,
    kind: "application",
    epoch: 2,
    sender: ANA,
    clientId: new Uint8Array(16),
    receivedAtMs: 2,
    replaces: 0,
    added: [],
    removed: [],
    message: new Uint8Array(3),
    ...changes,
  });
}

it("sees in a commit, and in nothing else, who departs: the removed who were not added again", () => {
  const changes = { added: [BO], removed: [BO, CY] };
  for (const kind of ENTRY_KINDS) {
    const { departures } = roomLogItem(7, entryOf({ kind, ...changes }));
    expect(departures).toEqual(kind === "commit" ? [`${"00".repeat(32)}/3`] : undefined);
  }
  expect(roomLogItem(7, entryOf({ kind: "commit", added: [BO] })).departures).toBeUndefined();
});
