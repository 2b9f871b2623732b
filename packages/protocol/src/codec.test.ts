import fc from "fast-check";
import { expect, test } from "vitest";
import type { Codec } from "./codec.ts";
import {
  decode,
  encode,
  fixed,
  flag,
  list,
  oneOf,
  opaque,
  optional,
  struct,
  text,
  u8,
  u16,
  u32,
  u53,
  variant,
} from "./codec.ts";
import { acceptsOnlyCanonical, expectRoundTrip, refusal } from "./test-round-trip.ts";

const formatOf = <T>(codec: Codec<T>) => ({
  encode: (value: T) => encode(codec, value),
  decode: (bytes: Uint8Array) => decode(codec, bytes),
});
const read = <T>(codec: Codec<T>, hex: string) => decode(codec, Uint8Array.fromHex(hex));

const shape = variant({
  point: [1, struct({ x: u16, y: optional(u8) })],
  path: [7, struct({ points: list(struct({ at: u32 }), 5), closed: flag, label: text(20) })],
  empty: [255, struct({})],
});
const shapes = fc.oneof(
  fc.record({
    kind: fc.constant("point" as const),
    x: fc.nat(0xffff),
    y: fc.option(fc.nat(255), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant("path" as const),
    points: fc.array(fc.record({ at: fc.nat(0xffff_ffff) }), { maxLength: 5 }),
    closed: fc.boolean(),
    label: fc.string({ unit: "binary", maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant("empty" as const) }),
);

test("values come back as they were", () => {
  expectRoundTrip(formatOf(shape), shapes, 500);
  expectRoundTrip(formatOf(u53), fc.maxSafeNat(), 500);
  expectRoundTrip(formatOf(text(4000)), fc.string({ unit: "binary" }), 500);
});

test("whatever is accepted is the one encoding of its value", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      acceptsOnlyCanonical(formatOf(shape), bytes);
      acceptsOnlyCanonical(formatOf(list(optional(text(4)), 3)), bytes);
    }),
    { numRuns: 3000 },
  );
});

test("fields stand in the order of the struct, whatever order they are given in", () => {
  const pair = struct({ first: u8, second: u8 });
  expect(encode(pair, { second: 2, first: 1 }).toHex()).toBe("0102");
});

test.each([
  [u8, 0xff],
  [u16, 0xffff],
  [u32, 0xffff_ffff],
  [u53, Number.MAX_SAFE_INTEGER],
])("numbers are whole, not negative, and in range (%#)", (codec, max) => {
  expect(decode(codec, encode(codec, max))).toBe(max);
  for (const value of [-1, max + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(
      refusal(() => encode(codec, value)),
      String(value),
    ).toBe("malformed");
  }
});

test("flags, presence, names and kinds have no byte but their own", () => {
  const place = oneOf(["a", "b"]);
  expect(read(place, "01")).toBe("b");
  for (const [codec, hex] of [
    [flag, "02"],
    [optional(u8), "0205"],
    [place, "02"],
    [shape, "02"],
  ] as const) {
    expect(
      refusal(() => read<unknown>(codec, hex)),
      hex,
    ).toBe("malformed");
  }
  expect(refusal(() => encode(place, "c" as "a"))).toBe("malformed");
  expect(refusal(() => encode(shape, { kind: "circle" } as never))).toBe("malformed");
});

test("limits hold at the edge in both directions", () => {
  const edge = new Uint8Array(3);
  const over = new Uint8Array(4);
  expect(encode(opaque(3), edge).toHex()).toBe("03000000");
  expect(refusal(() => encode(opaque(3), over))).toBe("too-large");
  expect(refusal(() => read(opaque(3), "0400000000"))).toBe("too-large");
  expect(encode(text(3), "€").toHex()).toBe("03e282ac");
  expect(refusal(() => encode(text(2), "€"))).toBe("too-large");
  expect(encode(list(u8, 2), [1, 2]).toHex()).toBe("020102");
  expect(refusal(() => encode(list(u8, 2), [1, 2, 3]))).toBe("too-large");
  expect(refusal(() => read(list(u8, 2), "03010203"))).toBe("too-large");
  expect(refusal(() => encode(fixed(3), over))).toBe("malformed");
  expect(refusal(() => read(fixed(3), "0000"))).toBe("malformed");
});

test("a large claimed length costs nothing before it is refused", () => {
  expect(refusal(() => read(opaque(2 ** 29), "a0000000"))).toBe("malformed");
  expect(refusal(() => read(list(u32, 2 ** 29), "a000000000000000"))).toBe("malformed");
});

test.each(["01ff", "02c080", "03eda080", "04f4908080", "01e2"])("text %s is not UTF-8", (hex) => {
  expect(refusal(() => read(text(9), hex))).toBe("malformed");
});

test("text keeps a byte order mark and refuses a lone surrogate", () => {
  expect(read(text(9), "04efbbbf61")).toBe("\u{feff}a");
  expect(refusal(() => encode(text(9), "\u{d800}"))).toBe("malformed");
});

test("bytes left over are refused", () => {
  expect(refusal(() => read(u8, "0100"))).toBe("malformed");
});

test("a value that cannot be written leaves nothing behind in the next", () => {
  const pair = struct({ first: u8, second: u8 });
  expect(refusal(() => encode(pair, { first: 1, second: 256 }))).toBe("malformed");
  expect(encode(pair, { first: 3, second: 4 }).toHex()).toBe("0304");
});

test("a codec may encode another value while it writes", () => {
  const nested: Codec<number> = {
    write: (writer, value) => opaque(9).write(writer, encode(u16, value)),
    read: (reader) => decode(u16, opaque(9).read(reader)),
  };
  const both = struct({ before: u8, inner: nested, after: u8 });
  expect(encode(both, { before: 1, inner: 0x0203, after: 4 }).toHex()).toBe("0102020304");
});
