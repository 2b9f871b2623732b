import { LIMITS, ProtocolError } from "@parley/protocol";
import { encode as encodeCbor } from "cborg";
import fc from "fast-check";
import { expect, test } from "vitest";
import { DISPOSITION, encodeMimiContent } from "./mimi-content.ts";
import { pad } from "./padding.ts";
import type { RoomContent } from "./room-content.ts";
import { decodeRoomContent, encodeRoomContent, ROOM_TEXT_LIMITS } from "./room-content.ts";

const STATE_TYPE = "application/vnd.parley.room+cbor";
const TEXT_TYPE = "text/markdown;variant=GFM-MIMI";
const salt = new Uint8Array(16);
const head = { seq: 7, hash: new Uint8Array(32).fill(7) };
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const words = fc.string({ unit: "grapheme", maxLength: 20 });
const documents = fc.uint8Array({ maxLength: 200 });

const contents: fc.Arbitrary<RoomContent> = fc.oneof(
  fc.record({ kind: fc.constant("text" as const), text: words }),
  fc.record({ kind: fc.constant("state" as const), name: words, topic: words, key: bytes(32) }),
  fc.record({ kind: fc.constant("name" as const), name: words }),
  fc.record({ kind: fc.constant("topic" as const), topic: words }),
  fc.record({ kind: fc.constant("joined" as const) }),
  fc.record(
    { kind: fc.constant("log-alarm" as const), note: documents, evidence: documents },
    { requiredKeys: ["kind", "note"] },
  ),
  fc.record({ kind: fc.constant("comparison" as const), comparison: bytes(16), message: documents }),
  fc.record({ kind: fc.constant("vouch" as const), statement: documents }),
);
const heads = fc.record({ seq: fc.maxSafeNat(), hash: bytes(32) });
const trees = fc.record({ originHash: bytes(32), size: fc.maxSafeNat(), root: bytes(32) });

function framed(contentType: string, content: Uint8Array, extensions = new Map<string, unknown>()) {
  return pad(
    encodeMimiContent({
      salt,
      replaces: null,
      topicId: new Uint8Array(0),
      expires: null,
      inReplyTo: null,
      extensions,
      part: { disposition: DISPOSITION.render, language: "", body: { kind: "single", contentType, content } },
    }),
  );
}

function codeOf(plaintext: Uint8Array): string {
  try {
    decodeRoomContent(plaintext);
    return "accepted";
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}

test("content, log head and tree head come back as they were", () => {
  fc.assert(
    fc.property(contents, heads, fc.option(trees, { nil: undefined }), (content, logHead, tree) => {
      const encoded = encodeRoomContent(content, { salt, head: logHead, tree });
      expect(decodeRoomContent(encoded)).toEqual({ content, head: logHead, tree });
      expect(encodeRoomContent(content, { salt, head: logHead, tree })).toEqual(encoded);
    }),
    { numRuns: 400 },
  );
});

test("short messages are all of one size", () => {
  const sizes = ["", "hi", "a".repeat(90)].map(
    (text) => encodeRoomContent({ kind: "text", text }, { salt, head }).length,
  );
  expect(new Set(sizes)).toEqual(new Set([256]));
});

test("the longest text goes through, and one byte more does not", () => {
  const text = "a".repeat(LIMITS.messageTextBytes);
  const encoded = encodeRoomContent({ kind: "text", text }, { salt, head });
  expect(encoded.length).toBeLessThan(LIMITS.messageBytes);
  expect(decodeRoomContent(encoded).content).toEqual({ kind: "text", text });
  expect(codeOf(encodeRoomContent({ kind: "text", text: `${text}a` }, { salt, head }))).toBe("too-large");
});

test("an alarm with the largest checkpoint and evidence fits into a message", () => {
  const alarm = {
    kind: "log-alarm" as const,
    note: new Uint8Array(LIMITS.checkpointBytes),
    evidence: new Uint8Array(48 * 1024),
  };
  const encoded = encodeRoomContent(alarm, { salt, head });
  expect(encoded.length).toBeLessThan(LIMITS.messageBytes);
  expect(decodeRoomContent(encoded).content).toEqual(alarm);
});

test("names and topics are bounded in bytes of UTF-8", () => {
  const named = (name: string) => codeOf(encodeRoomContent({ kind: "name", name }, { salt, head }));
  const about = (topic: string) => codeOf(encodeRoomContent({ kind: "topic", topic }, { salt, head }));
  expect(named("ä".repeat(ROOM_TEXT_LIMITS.nameBytes / 2))).toBe("accepted");
  expect(named("ä".repeat(ROOM_TEXT_LIMITS.nameBytes / 2 + 1))).toBe("too-large");
  expect(about("a".repeat(ROOM_TEXT_LIMITS.topicBytes))).toBe("accepted");
  expect(about("a".repeat(ROOM_TEXT_LIMITS.topicBytes + 1))).toBe("too-large");
});

test.each<[string, unknown]>([
  ["a short room key", { kind: "state", name: "a", topic: "b", key: new Uint8Array(31) }],
  ["a state without a key", { kind: "state", name: "a", topic: "b" }],
  ["a name that is a number", { kind: "name", name: 1 }],
  ["a missing topic", { kind: "topic" }],
  ["an alarm without its checkpoint", { kind: "log-alarm" }],
  ["a checkpoint above the limit", { kind: "log-alarm", note: new Uint8Array(LIMITS.checkpointBytes + 1) }],
  ["evidence above the limit", { kind: "log-alarm", note: salt, evidence: new Uint8Array(48 * 1024 + 1) }],
  ["a comparison without its number", { kind: "comparison", message: salt }],
  ["a short number of a comparison", { kind: "comparison", comparison: salt.slice(1), message: salt }],
  ["a long message of a comparison", { kind: "comparison", comparison: salt, message: new Uint8Array(513) }],
  ["a vouch above the limit", { kind: "vouch", statement: new Uint8Array(1025) }],
])("%s is malformed", (_, value) => {
  expect(codeOf(framed(STATE_TYPE, encodeCbor(value)))).toBe("malformed");
});

test("what is not CBOR or not UTF-8 is malformed", () => {
  expect(codeOf(framed(STATE_TYPE, Uint8Array.of(0xff)))).toBe("malformed");
  expect(codeOf(framed(TEXT_TYPE, Uint8Array.of(0xff)))).toBe("malformed");
});

test("a damaged head or tree is malformed, a missing one is not", () => {
  const withExtension = (key: string, value: unknown) =>
    codeOf(framed(TEXT_TYPE, salt, new Map([[key, value]])));
  const root = new Uint8Array(32);
  expect(codeOf(framed(TEXT_TYPE, salt))).toBe("accepted");
  expect(withExtension("parley.head", [1, new Uint8Array(31)])).toBe("malformed");
  expect(withExtension("parley.head", [-1, root])).toBe("malformed");
  expect(withExtension("parley.tree", [root, "1", root])).toBe("malformed");
  expect(withExtension("parley.tree", [salt, 1, root])).toBe("malformed");
});

test("what this version does not know is shown as unknown", () => {
  expect(decodeRoomContent(framed("image/png", salt)).content).toEqual({
    kind: "unknown",
    contentType: "image/png",
  });
  for (const value of [null, 5, "name", [], { kind: "hologram" }, { kind: 1 }]) {
    expect(decodeRoomContent(framed(STATE_TYPE, encodeCbor(value))).content.kind).toBe("unknown");
  }
});

test("damaged messages are refused with a ProtocolError and nothing else", () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      contents,
      fc.array(fc.tuple(fc.nat(255), fc.nat(255)), { minLength: 50, maxLength: 50 }),
      (content, changes) => {
        const encoded = encodeRoomContent(content, { salt, head });
        for (const [place, byte] of changes) {
          const mutant = encoded.slice();
          mutant[place % 220] = byte;
          if (codeOf(mutant) === "accepted") accepted++;
        }
      },
    ),
    { numRuns: 400 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (random) => {
      codeOf(random);
      codeOf(pad(random));
      codeOf(framed(STATE_TYPE, random));
    }),
    { numRuns: 1000 },
  );
  expect(accepted).toBeGreaterThan(0);
});
