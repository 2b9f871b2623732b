import fc from "fast-check";
import { expect, test } from "vitest";
import { StoreError } from "./client-store.ts";
import { decodeRecord, encodeRecord, seqKey } from "./record.ts";

test("records come back as they were, without what is undefined", () => {
  const record = { name: "ana", key: Uint8Array.of(1, 2), list: [{ on: true, at: 5 }], none: null };
  expect(decodeRecord(encodeRecord({ ...record, left: undefined }))).toStrictEqual(record);
});

test("a damaged record is said to be one", () => {
  const bytes = encodeRecord({ name: "ana" });
  for (const damaged of [bytes.subarray(0, 4), Uint8Array.of(0xff), new Uint8Array(0)]) {
    expect(() => decodeRecord(damaged)).toThrow(StoreError);
    expect(() => decodeRecord(damaged)).toThrow(expect.objectContaining({ code: "unreadable" }));
  }
});

test("log positions are ordered as keys as they are as numbers", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
      expect(seqKey(a) < seqKey(b)).toBe(a < b);
    }),
  );
  expect(seqKey(Number.MAX_SAFE_INTEGER)).toHaveLength(seqKey(0).length);
});

test("only a store that cannot be written may be tried again", () => {
  expect(new StoreError("unavailable", "a").retryable).toBe(true);
  expect(new StoreError("unreadable", "a").retryable).toBe(false);
  expect(new StoreError("in-use", "a").retryable).toBe(false);
});
