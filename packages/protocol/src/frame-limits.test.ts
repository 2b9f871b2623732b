import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Codec } from "./codec.ts";
import { decode, encode } from "./codec.ts";
import type { Request, ServerFrame } from "./frames.ts";
import { clientFrame, request, serverFrame } from "./frames.ts";
import { LIMITS } from "./limits.ts";
import { clientFramesByKind, serverFramesByKind } from "./test-frames.ts";
import { refusal } from "./test-round-trip.ts";

const fill = (size: number) => new Uint8Array(size);
const many = <T>(count: number, item: T) => Array.from({ length: count }, () => item);
const device = { account: fill(32), device: 1 };
const room = fill(16);
const commit = {
  kind: "commit" as const,
  room,
  clientId: fill(16),
  epoch: 0,
  replaces: 0,
  message: fill(0),
  added: [],
  removed: [],
  ratchetTree: fill(0),
  groupInfo: fill(0),
};
const register = {
  kind: "register" as const,
  name: "ana",
  nameOpening: fill(32),
  chain: [],
  invite: undefined,
  signature: fill(64),
};

/** A bounded field of a request, filled up to `size`. */
const requestLimits: [string, number, (size: number) => Request][] = [
  ["name", LIMITS.nameBytes, (size) => ({ ...register, name: "a".repeat(size) })],
  ["chain entry", LIMITS.chainEntryBytes, (size) => ({ ...register, chain: [fill(size)] })],
  ["chain", LIMITS.chainEntries, (size) => ({ ...register, chain: many(size, fill(0)) })],
  [
    "key package stock",
    LIMITS.keyPackageStock,
    (size) => ({ kind: "put-key-packages", packages: many(size, fill(0)), lastResort: undefined }),
  ],
  [
    "key package",
    LIMITS.keyPackageBytes,
    (size) => ({ kind: "put-key-packages", packages: [], lastResort: fill(size) }),
  ],
  [
    "message",
    LIMITS.messageBytes,
    (size) => ({
      kind: "append",
      room,
      clientId: fill(16),
      epoch: 0,
      proposal: false,
      message: fill(size),
    }),
  ],
  ["commit", LIMITS.commitBytes, (size) => ({ ...commit, message: fill(size) })],
  [
    "added devices",
    LIMITS.addsPerCommit,
    (size) => ({ ...commit, added: many(size, { device, item: room }) }),
  ],
  ["removed devices", LIMITS.roomDevices, (size) => ({ ...commit, removed: many(size, device) })],
  ["ratchet tree", LIMITS.treeBytes, (size) => ({ ...commit, ratchetTree: fill(size) })],
  ["GroupInfo", LIMITS.treeBytes, (size) => ({ ...commit, groupInfo: fill(size) })],
  [
    "rooms of a resume",
    LIMITS.roomsPerResume,
    (size) => ({ kind: "resume", rooms: many(size, { room, after: 0 }), inboxAfter: 0 }),
  ],
  [
    "inbox item",
    LIMITS.inboxItemBytes,
    (size) => ({ kind: "post-inbox", account: fill(32), item: fill(size) }),
  ],
];

const helloFrame: ServerFrame = {
  kind: "hello",
  statement: fill(0),
  serverChain: [],
  checkpoint: fill(0),
  generation: 0,
  nonce: fill(32),
};
/** A bounded field of what the relay sends, filled up to `size`. */
const serverLimits: [string, number, (size: number) => ServerFrame][] = [
  ["statement", LIMITS.statementBytes, (size) => ({ ...helloFrame, statement: fill(size) })],
  ["checkpoint", LIMITS.checkpointBytes, (size) => ({ ...helloFrame, checkpoint: fill(size) })],
  ["server chain", LIMITS.chainEntries, (size) => ({ ...helloFrame, serverChain: many(size, fill(0)) })],
  ["log entry", LIMITS.frameBytes, (size) => ({ kind: "entry", entry: fill(size) })],
  [
    "unreachable devices",
    LIMITS.devicesPerAccount,
    (size) => ({
      kind: "answer",
      id: 1,
      answer: { kind: "key-packages", packages: [], unreachable: many(size, device) },
    }),
  ],
  [
    "rooms of an answer",
    LIMITS.roomsPerResume,
    (size) => ({
      kind: "answer",
      id: 1,
      answer: { kind: "rooms", rooms: many(size, { room, seq: 0, epoch: 0 }) },
    }),
  ],
  [
    "entries of the transparency log",
    LIMITS.logEntries,
    (size) => ({
      kind: "answer",
      id: 1,
      answer: {
        kind: "log-entries",
        from: 0,
        checkpoint: fill(0),
        entries: many(size, { entry: fill(0), opening: undefined }),
      },
    }),
  ],
];

describe("the largest is taken, one more is not", () => {
  test.each(requestLimits)("%s of a request", (_, limit, make) => atTheEdge(request, limit, make));
  test.each(serverLimits)("%s of the relay's frames", (_, limit, make) =>
    atTheEdge(serverFrame, limit, make),
  );
});

/** One more is refused by the writer, and by the reader when a peer sends it all the same. */
function atTheEdge<T>(codec: Codec<T>, limit: number, make: (size: number) => T): void {
  const bytes = encode(codec, make(limit));
  expect(decode(codec, bytes)).toStrictEqual(make(limit));
  expect(refusal(() => encode(codec, make(limit + 1)))).toBe("too-large");
  const forged = bytes.slice();
  forged.set(lengthBytes(limit + 1), placeOf(lengthBytes(limit), bytes));
  expect(refusal(() => decode(codec, forged))).toBe("too-large");
}

function placeOf(wanted: Uint8Array, bytes: Uint8Array): number {
  for (let at = 0; at + wanted.length <= bytes.length; at++) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  throw new Error("the length is not there");
}

/** A vector length (docs/protocol.md §1). */
function lengthBytes(length: number): Uint8Array {
  if (length < 0x40) return Uint8Array.of(length);
  if (length < 0x4000) return Uint8Array.of(0x40 | (length >> 8), length & 0xff);
  return Uint8Array.of(0x80 | (length >> 24), (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff);
}

test("what is read holds no bytes of its own, only views of the frame", () => {
  const holdsViews = (value: unknown, frame: Uint8Array): void => {
    if (value instanceof Uint8Array) expect(value.buffer).toBe(frame.buffer);
    else if (typeof value === "object" && value !== null) {
      for (const inner of Object.values(value)) holdsViews(inner, frame);
    }
  };
  const check = <T>(codec: Codec<T>, value: T) => {
    const frame = encode(codec, value);
    holdsViews(decode(codec, frame), frame);
  };
  for (const frames of clientFramesByKind)
    for (const frame of fc.sample(frames, 5)) check(clientFrame, frame);
  for (const frames of serverFramesByKind)
    for (const frame of fc.sample(frames, 5)) check(serverFrame, frame);
});
