import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { refusal } from "./test-round-trip.ts";

function written(write: (writer: ByteWriter) => void): string {
  const writer = new ByteWriter();
  write(writer);
  return writer.finish().toHex();
}

test.each([
  [0, "00"],
  [0x3f, "3f"],
  [0x40, "4040"],
  [0x3fff, "7fff"],
  [0x4000, "80004000"],
  [2 ** 30 - 1, "bfffffff"],
])("a vector of %i bytes has the length %s (RFC 9420 §2.1.2)", (value, hex) => {
  expect(written((writer) => writer.length(value))).toBe(hex);
  const reader = new ByteReader(Uint8Array.fromHex(hex));
  expect(reader.length(2 ** 30)).toBe(value);
  reader.expectEnd();
});

test("a vector that no length can hold is not written", () => {
  expect(refusal(() => new ByteWriter().length(2 ** 30))).toBe("too-large");
});

test.each(["4000", "403f", "80000000", "80003fff", "c0", "ff", "40", "800040", ""])(
  "the length %s is refused",
  (hex) => {
    expect(refusal(() => new ByteReader(Uint8Array.fromHex(hex)).length(2 ** 30))).toBe("malformed");
  },
);

test("a length is allowed up to the limit and not above", () => {
  const read = (max: number) => new ByteReader(Uint8Array.fromHex("4040")).length(max);
  expect(read(64)).toBe(64);
  expect(refusal(() => read(63))).toBe("too-large");
});

test("numbers are big-endian and come back in every size", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8), (any, size) => {
      const value = any % 256 ** size;
      const hex = written((writer) => writer.unsigned(value, size));
      expect(hex).toBe(value.toString(16).padStart(size * 2, "0"));
      expect(new ByteReader(Uint8Array.fromHex(hex)).unsigned(size)).toBe(value);
    }),
  );
});

test("a number that JavaScript cannot hold exactly is refused", () => {
  const read = (hex: string) => new ByteReader(Uint8Array.fromHex(hex)).unsigned(8);
  expect(read("001fffffffffffff")).toBe(Number.MAX_SAFE_INTEGER);
  for (const hex of ["0020000000000000", "0020000000000001", "ffffffffffffffff"]) {
    expect(
      refusal(() => read(hex)),
      hex,
    ).toBe("malformed");
  }
});

test("reading stops at the end, and what is left over is an error", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  expect(reader.bytes(2)).toEqual(Uint8Array.of(1, 2));
  expect(refusal(() => reader.bytes(2))).toBe("malformed");
  expect(refusal(() => reader.expectEnd())).toBe("malformed");
  expect(reader.bytes(1)).toEqual(Uint8Array.of(3));
  reader.expectEnd();
});

test("a writer gives bytes of their own, grows, and starts anew after each", () => {
  const writer = new ByteWriter();
  const large = new Uint8Array(100_000).fill(7);
  writer.bytes(large);
  const first = writer.finish();
  writer.bytes(Uint8Array.of(1));
  expect(writer.finish()).toEqual(Uint8Array.of(1));
  writer.bytes(Uint8Array.of(9));
  writer.discard();
  expect(writer.finish()).toEqual(new Uint8Array(0));
  expect(first).toEqual(large);
});
