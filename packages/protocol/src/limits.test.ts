import { expect, test } from "vitest";
import { encode } from "./codec.ts";
import { clientFrame, serverFrame } from "./frames.ts";
import { isName, LIMITS } from "./limits.ts";
import { encodeRoomLogEntry } from "./room-log.ts";
import { refusal } from "./test-round-trip.ts";

const id = new Uint8Array(16);
const device = { account: new Uint8Array(32), device: 1 };

test.each(["a", "0", "a.b_c-d", "a".repeat(32)])("%s is a name", (name) => {
  expect(isName(name)).toBe(true);
});

test.each(["", "A", "a b", "ä", "a\n", "\na", "a".repeat(33), "a/b", "@a"])("%j is no name", (name) => {
  expect(isName(name)).toBe(false);
});

test("a message is taken up to its limit and not above", () => {
  const append = (size: number) =>
    encode(clientFrame, {
      id: 1,
      request: {
        kind: "append",
        room: id,
        clientId: id,
        epoch: 0,
        proposal: false,
        message: new Uint8Array(size),
      },
    });
  expect(append(LIMITS.messageBytes).length).toBeLessThan(LIMITS.frameBytes);
  expect(refusal(() => append(LIMITS.messageBytes + 1))).toBe("too-large");
});

test("the longest text fits into the largest message with its padding and its encryption", () => {
  const contentAndMlsBytes = 1024;
  const bucket = 80 * 1024;
  expect(LIMITS.messageTextBytes + contentAndMlsBytes).toBeLessThanOrEqual(bucket);
  expect(bucket + contentAndMlsBytes).toBeLessThanOrEqual(LIMITS.messageBytes);
});

test("the largest entry fits into a frame", () => {
  const entry = encodeRoomLogEntry({
    room: id,
    seq: Number.MAX_SAFE_INTEGER,
    kind: "commit",
    epoch: 1,
    sender: device,
    clientId: id,
    receivedAtMs: 1,
    replaces: 1,
    added: Array.from({ length: LIMITS.addsPerCommit }, () => device),
    removed: Array.from({ length: LIMITS.roomDevices }, () => device),
    message: new Uint8Array(LIMITS.commitBytes),
  });
  expect(encode(serverFrame, { kind: "entry", entry }).length).toBeLessThan(LIMITS.frameBytes);
});
