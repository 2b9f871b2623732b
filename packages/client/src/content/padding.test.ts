import { LIMITS, ProtocolError } from "@parley/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pad, unpad } from "./padding.ts";

test.each([
  [0, 256],
  [254, 256],
  [255, 320],
  [318, 320],
  [319, 384],
  [510, 512],
  [511, 640],
  [1022, 1024],
  [1023, 1280],
])("%i bytes go into a bucket of %i", (length, bucket) => {
  expect(pad(new Uint8Array(length))).toHaveLength(bucket);
});

test("content comes back, from a bucket at most a quarter larger than it", () => {
  fc.assert(
    fc.property(fc.nat(20_000), fc.nat(255), (length, byte) => {
      const content = new Uint8Array(length).fill(byte);
      const padded = pad(content);
      expect(unpad(padded)).toEqual(content);
      expect(padded.length).toBeLessThanOrEqual(Math.max(256, (length + 4) * 1.25));
    }),
  );
});

test("there are four sizes for each doubling", () => {
  const sizes = new Set(Array.from({ length: 1024 }, (_, i) => pad(new Uint8Array(1023 + i)).length));
  expect([...sizes]).toEqual([1280, 1536, 1792, 2048]);
});

test("the longest text's message fits the limit", () => {
  expect(pad(new Uint8Array(LIMITS.messageTextBytes + 500)).length).toBeLessThan(LIMITS.messageBytes);
});

test.each([
  ["nothing", ""],
  ["a length without its bytes", "05aabb"],
  ["a length that is not the shortest", "400100"],
  ["padding that is not zero", "01aa0001"],
])("%s is malformed", (_, hex) => {
  expect(() => unpad(Uint8Array.fromHex(hex))).toThrow(expect.objectContaining({ code: "malformed" }));
});

test("more than the largest message is refused by its length", () => {
  expect(() => unpad(Uint8Array.fromHex("bfffffff"))).toThrow(ProtocolError);
  expect(() => unpad(Uint8Array.fromHex("bfffffff"))).toThrow("too-large");
});
