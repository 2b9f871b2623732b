import { ProtocolError } from "@parley/protocol";
import { encode as encodeCbor } from "cborg";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { MimiContent, NestedPart } from "./mimi-content.ts";
import { DISPOSITION, decodeMimiContent, encodeMimiContent } from "./mimi-content.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const single = fc.record({
  kind: fc.constant("single" as const),
  contentType: fc.string({ maxLength: 20 }),
  content: fc.uint8Array({ maxLength: 60 }),
});
const part: fc.Arbitrary<NestedPart> = fc.letrec<{ part: NestedPart }>((tie) => ({
  part: fc.record({
    disposition: fc.nat(300),
    language: fc.constantFrom("", "de", "en-GB"),
    body: fc.oneof(
      { maxDepth: 2 },
      single,
      fc.record({ kind: fc.constant("null" as const) }),
      fc.record({
        kind: fc.constant("external" as const),
        contentType: fc.string({ maxLength: 20 }),
        fields: fc.array(fc.oneof(fc.nat(), fc.string(), bytes(3)), { minLength: 11, maxLength: 11 }),
      }),
      fc.record({
        kind: fc.constant("multi" as const),
        semantics: fc.nat(3),
        parts: fc.array(tie("part"), { minLength: 2, maxLength: 4 }),
      }),
    ),
  }),
})).part;
const contents: fc.Arbitrary<MimiContent> = fc.record({
  salt: bytes(16),
  replaces: fc.option(bytes(32)),
  topicId: fc.uint8Array({ maxLength: 8 }),
  expires: fc.option(fc.record({ relative: fc.boolean(), timeS: fc.nat() })),
  inReplyTo: fc.option(bytes(32)),
  extensions: fc
    .array(fc.tuple(fc.oneof(fc.nat(500), fc.string({ maxLength: 8 })), fc.oneof(fc.nat(), bytes(2))))
    .map((pairs) => new Map<number | string, unknown>(pairs)),
  part,
});
const text: NestedPart = {
  disposition: DISPOSITION.render,
  language: "",
  body: { kind: "single", contentType: "text/plain", content: Uint8Array.of(104, 105) },
};
const plain: MimiContent = {
  salt: new Uint8Array(16),
  replaces: null,
  topicId: new Uint8Array(0),
  expires: null,
  inReplyTo: null,
  extensions: new Map(),
  part: text,
};

function nested(depth: number): NestedPart {
  if (depth === 1) return text;
  const inner = nested(depth - 1);
  return { ...text, body: { kind: "multi", semantics: 0, parts: [inner, text] } };
}

function refused(encoded: Uint8Array): boolean {
  try {
    decodeMimiContent(encoded);
    return false;
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "malformed") return true;
    throw error;
  }
}

test("content comes back as it was, from one encoding", () => {
  fc.assert(
    fc.property(contents, (content) => {
      const encoded = encodeMimiContent(content);
      const back = decodeMimiContent(encoded);
      expect(back).toEqual(content);
      expect(encodeMimiContent(back)).toEqual(encoded);
    }),
    { numRuns: 300 },
  );
});

test("parts nest four deep and no deeper", () => {
  expect(refused(encodeMimiContent({ ...plain, part: nested(4) }))).toBe(false);
  expect(refused(encodeMimiContent({ ...plain, part: nested(5) }))).toBe(true);
});

test.each([
  [1, true],
  [2, false],
  [64, false],
  [65, true],
])("a part of %i parts is refused: %s", (count, expected) => {
  const parts = Array.from({ length: count }, () => text);
  const content = { ...plain, part: { ...text, body: { kind: "multi" as const, semantics: 0, parts } } };
  expect(refused(encodeMimiContent(content))).toBe(expected);
});

test.each<[string, number, unknown]>([
  ["a short salt", 0, new Uint8Array(15)],
  ["a salt that is text", 0, "0123456789abcdef"],
  ["a short message id to replace", 1, new Uint8Array(31)],
  ["a topic that is a number", 2, 1],
  ["an expiry without its time", 3, [true]],
  ["an expiry in the past of time", 3, [true, -1]],
  ["an expiry that is not relative or absolute", 3, [1, 1]],
  ["a long message id to answer", 4, new Uint8Array(33)],
  ["extensions that are a list", 5, []],
  ["a part without cardinality", 6, [1, ""]],
  ["an unknown cardinality", 6, [1, "", 4]],
  ["a nothing with something in it", 6, [1, "", 0, 1]],
  ["a fraction as disposition", 6, [1.5, "", 0]],
  ["a single part without its content", 6, [1, "", 1, "text/plain"]],
  ["an external part with a field too few", 6, [1, "", 2, "a", ...new Array<number>(10).fill(0)]],
])("%s is malformed", (_, place, value) => {
  const fields = [
    ...([new Uint8Array(16), null, new Uint8Array(0), null, null, new Map(), [1, "", 0]] as unknown[]),
  ];
  expect(refused(encodeCbor(fields))).toBe(false);
  fields[place] = value;
  expect(refused(encodeCbor(fields))).toBe(true);
});

test.each([
  ["map keys out of order", "a201010202", "a202020101"],
  ["a number that is not the shortest", "a201010202", "a20118010202"],
  ["a key twice", "a201010202", "a201010102"],
  ["a float in the place of a whole number", "850160", "85f93c0060"],
  ["an indefinite length", "850160", "9f0160"],
])("%s is malformed", (_, from, to) => {
  const extensions = new Map([
    [1, 1],
    [2, 2],
  ]);
  const hex = encodeMimiContent({ ...plain, extensions }).toHex();
  expect(refused(Uint8Array.fromHex(hex))).toBe(false);
  expect(hex).toContain(from);
  expect(refused(Uint8Array.fromHex(hex.replace(from, to)))).toBe(true);
});

test("bytes after the content, and nesting without end, are malformed", () => {
  expect(refused(Uint8Array.of(...encodeMimiContent(plain), 0))).toBe(true);
  expect(refused(new Uint8Array(60_000).fill(0x81))).toBe(true);
});
