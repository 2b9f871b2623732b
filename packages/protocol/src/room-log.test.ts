import fc from "fast-check";
import { expect, test } from "vitest";
import { LIMITS } from "./limits.ts";
import type { RoomLogEntry } from "./room-log.ts";
import { decodeRoomLogEntry, EMPTY_LOG_HEAD, encodeRoomLogEntry } from "./room-log.ts";
import { roomLogEntries } from "./test-frames.ts";
import { acceptsOnlyCanonical, expectRoundTrip, fuzz, refusal } from "./test-round-trip.ts";

const format = { encode: encodeRoomLogEntry, decode: decodeRoomLogEntry };
const device = { account: new Uint8Array(32), device: 1 };
const entry: RoomLogEntry = {
  room: new Uint8Array(16),
  seq: 1,
  kind: "application",
  epoch: 0,
  sender: device,
  clientId: new Uint8Array(16),
  receivedAtMs: 5,
  replaces: 0,
  added: [],
  removed: [],
  message: new Uint8Array(0),
};

test("entries come back as they were", () => {
  expectRoundTrip(format, roomLogEntries, 500);
});

test("damaged entries are refused with a ProtocolError, or are the encoding of another entry", () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(roomLogEntries, { minLength: 8, maxLength: 8 }), (seed, entries) => {
      const accepted = fuzz(entries.map(encodeRoomLogEntry), 10_000, seed, (bytes) =>
        acceptsOnlyCanonical(format, bytes),
      );
      expect(accepted).toBeGreaterThan(0);
      expect(accepted).toBeLessThan(10_000);
    }),
    { numRuns: 3, endOnFailure: true },
  );
});

test("an entry begins with its version, and no other is read", () => {
  const bytes = encodeRoomLogEntry(entry);
  expect(bytes[0]).toBe(1);
  for (const version of [0, 2, 255]) {
    expect(refusal(() => decodeRoomLogEntry(Uint8Array.of(version, ...bytes.subarray(1))))).toBe("malformed");
  }
});

test("the version cannot be smuggled in with the entry", () => {
  expect(encodeRoomLogEntry({ ...entry, version: 2 } as RoomLogEntry)[0]).toBe(1);
});

test.each([
  ["message", LIMITS.commitBytes, (size: number) => ({ message: new Uint8Array(size) })],
  ["added", LIMITS.addsPerCommit, (size: number) => ({ added: Array.from({ length: size }, () => device) })],
  [
    "removed",
    LIMITS.roomDevices,
    (size: number) => ({ removed: Array.from({ length: size }, () => device) }),
  ],
] as const)("%s is bounded", (_, limit, field) => {
  const largest = { ...entry, ...field(limit) };
  expect(decodeRoomLogEntry(encodeRoomLogEntry(largest))).toEqual(largest);
  expect(refusal(() => encodeRoomLogEntry({ ...entry, ...field(limit + 1) }))).toBe("too-large");
});

test("the head of an empty log is 32 zero bytes", () => {
  expect(EMPTY_LOG_HEAD.toHex()).toBe("00".repeat(32));
});
