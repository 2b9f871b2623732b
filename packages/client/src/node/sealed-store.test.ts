import { Secret } from "@parley/trust";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ClientStore } from "../store/client-store.ts";
import { COLLECTIONS } from "../store/client-store.ts";
import { clientStoreSuite } from "../store/client-store-suite.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { SealedStore } from "./sealed-store.ts";

const KEY = new Uint8Array(32).fill(7);
const sealedOver = (inner: ClientStore) => new SealedStore(inner, new Secret(KEY));

describe("a sealed store", () => {
  clientStoreSuite(() => sealedOver(new MemoryStore()));
});

const place = fc.record({
  collection: fc.constantFrom(...COLLECTIONS),
  key: fc.string({ unit: fc.constantFrom("a", "b", "/", "~", "0"), maxLength: 6 }),
});

test("a value that is moved to another collection or key is not taken for what belongs there", () => {
  fc.assert(
    fc.property(place, place, fc.uint8Array({ maxLength: 50 }), (from, to, value) => {
      fc.pre(from.collection !== to.collection || from.key !== to.key);
      const inner = new MemoryStore();
      const store = sealedOver(inner);
      store.write([{ kind: "put", ...from, value }]);
      const moved = inner.get(from.collection, from.key) ?? new Uint8Array(0);
      inner.write([{ kind: "put", ...to, value: moved }]);
      expect(store.get(from.collection, from.key)).toEqual(value);
      const refused = expect.objectContaining({ code: "unreadable" });
      expect(() => store.get(to.collection, to.key)).toThrow(refused);
      expect(() => store.range(to.collection, { from: to.key })).toThrow(refused);
    }),
  );
});

test("a value of another store, and one that was never sealed, are refused", () => {
  const inner = new MemoryStore();
  const other = new SealedStore(inner, new Secret(KEY.with(0, 8)));
  other.write([{ kind: "put", collection: "room", key: "a", value: Uint8Array.of(1) }]);
  inner.write([{ kind: "put", collection: "room", key: "b", value: new Uint8Array(100) }]);
  for (const key of ["a", "b"]) {
    expect(() => sealedOver(inner).get("room", key)).toThrow(expect.objectContaining({ code: "unreadable" }));
  }
});

test("the key is gone when the store is closed", () => {
  const key = new Secret(KEY);
  new SealedStore(new MemoryStore(), key).close();
  expect(() => key.expose()).toThrow();
});
