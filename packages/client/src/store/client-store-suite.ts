import fc from "fast-check";
import { expect, test } from "vitest";
import type { ClientStore, KeyRange, StoreChange } from "./client-store.ts";
import { keysUnder } from "./client-store.ts";

const value = (n: number) => Uint8Array.of(n);
const put = (key: string, n = 1): StoreChange => ({
  kind: "put",
  collection: "timeline",
  key,
  value: value(n),
});

/** Printable ASCII, with all that a query language or a pattern could take for its own. */
const ODD_KEYS = [
  "a",
  "a%",
  "a_b",
  "a*",
  "a?",
  "a'b",
  'a"b',
  "a\\b",
  "a/b",
  "a b",
  "a~",
  "a-",
  "A",
  "ab",
  "[a]",
];

/** What every {@link ClientStore} owes its callers. `open` gives an empty store each time. */
export function clientStoreSuite(open: () => ClientStore): void {
  const keys = (store: ClientStore, range?: Parameters<ClientStore["range"]>[1]) =>
    store.range("timeline", range).map(([key]) => key);

  test("a value is there until it is deleted, in its own collection", () => {
    const store = open();
    store.write([put("a", 1)]);
    store.write([put("a", 2)]);
    expect(store.get("timeline", "a")).toEqual(value(2));
    expect(store.get("room", "a")).toBeUndefined();
    store.write([{ kind: "delete", collection: "timeline", key: "a" }]);
    expect(store.get("timeline", "a")).toBeUndefined();
    store.close();
  });

  test("changes of one write are carried out in order", () => {
    const store = open();
    store.write([put("r/1"), { kind: "delete-prefix", collection: "timeline", prefix: "r/" }, put("r/2")]);
    expect(keys(store)).toEqual(["r/2"]);
    store.close();
  });

  test("all changes are carried out or none", () => {
    const store = open();
    store.write([put("a", 1)]);
    const damaged = { ...put("c"), value: undefined } as unknown as StoreChange;
    expect(() => store.write([put("a", 2), put("b"), damaged])).toThrow();
    expect(keys(store)).toEqual(["a"]);
    expect(store.get("timeline", "a")).toEqual(value(1));
    store.write([put("d")]);
    expect(keys(store)).toEqual(["a", "d"]);
    store.close();
  });

  test("ranges are in byte order, from inclusive, below exclusive, limited, from either end", () => {
    const store = open();
    store.write(["b", "a/2", "a", "B", "a/10", "c"].map((key) => put(key)));
    expect(keys(store)).toEqual(["B", "a", "a/10", "a/2", "b", "c"]);
    expect(keys(store, { from: "a/10", below: "c" })).toEqual(["a/10", "a/2", "b"]);
    expect(keys(store, { limit: 2 })).toEqual(["B", "a"]);
    expect(keys(store, { limit: 2, backwards: true })).toEqual(["c", "b"]);
    expect(keys(store, { limit: 0 })).toEqual([]);
    expect(keys(store, keysUnder("a/"))).toEqual(["a/10", "a/2"]);
    store.close();
  });

  test("a prefix takes its keys and no others", () => {
    const store = open();
    store.write(["a/1", "a/~", "a", "a0", "b/1", "A/1"].map((key) => put(key)));
    store.write([{ kind: "delete-prefix", collection: "timeline", prefix: "a/" }]);
    expect(keys(store)).toEqual(["A/1", "a", "a0", "b/1"]);
    store.close();
  });

  test("what is kept does not change with the caller's bytes", () => {
    const store = open();
    const given = value(1);
    store.write([{ kind: "put", collection: "value", key: "a", value: given }]);
    given[0] = 9;
    store.get("value", "a")?.fill(8);
    expect(store.get("value", "a")).toEqual(value(1));
    store.close();
  });

  test("values of any length come back, an empty one too", () => {
    const store = open();
    for (const length of [0, 1, 300_000]) {
      const bytes = new Uint8Array(length).fill(7);
      store.write([{ kind: "put", collection: "value", key: "a", value: bytes }]);
      expect(store.get("value", "a")).toEqual(bytes);
      expect(store.range("value")).toEqual([["a", bytes]]);
    }
    store.close();
  });

  test("odd characters in keys and prefixes stand for themselves", () => {
    const store = open();
    const all = [...new Set(ODD_KEYS.flatMap((key) => [key, `${key}/x`, `x${key}`, `${key}~~`]))].sort();
    for (const prefix of ODD_KEYS) {
      store.write(all.map((key) => put(key)));
      expect(keys(store)).toEqual(all);
      expect(keys(store, keysUnder(prefix))).toEqual(all.filter((key) => key.startsWith(prefix)));
      store.write([{ kind: "delete-prefix", collection: "timeline", prefix }]);
      expect(keys(store)).toEqual(all.filter((key) => !key.startsWith(prefix)));
    }
    store.close();
  });

  test("it does what a sorted map does", () => {
    const store = open();
    fc.assert(
      fc.property(
        fc.array(fc.array(anyChange, { maxLength: 4 }), { maxLength: 5 }),
        anyRange,
        (writes, range) => {
          store.write([{ kind: "delete-prefix", collection: "timeline", prefix: "" }]);
          const model = new Map<string, Uint8Array>();
          for (const changes of writes) {
            store.write(changes);
            for (const change of changes) applyTo(model, change);
          }
          expect(store.range("timeline", range)).toEqual(rangeOf(model, range));
          for (const [key, bytes] of model) expect(store.get("timeline", key)).toEqual(bytes);
        },
      ),
      { numRuns: 60 },
    );
    store.close();
  });
}

const anyKey = fc.string({ unit: fc.constantFrom("a", "b", "/", "~", "%", "_"), maxLength: 3 });
const anyChange: fc.Arbitrary<StoreChange> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(anyKey, fc.nat(255)).map(([key, n]) => put(key, n)) },
  {
    weight: 2,
    arbitrary: anyKey.map((key) => ({ kind: "delete" as const, collection: "timeline" as const, key })),
  },
  {
    weight: 1,
    arbitrary: anyKey.map((prefix) => ({
      kind: "delete-prefix" as const,
      collection: "timeline" as const,
      prefix,
    })),
  },
);
const anyRange: fc.Arbitrary<KeyRange> = fc.record(
  { from: anyKey, below: anyKey, limit: fc.nat(5), backwards: fc.boolean() },
  { requiredKeys: [] },
);

function applyTo(model: Map<string, Uint8Array>, change: StoreChange): void {
  if (change.kind === "put") model.set(change.key, change.value);
  else if (change.kind === "delete") model.delete(change.key);
  else for (const key of [...model.keys()]) if (key.startsWith(change.prefix)) model.delete(key);
}

function rangeOf(model: ReadonlyMap<string, Uint8Array>, { from, below, limit, backwards }: KeyRange) {
  const found = [...model.keys()]
    .sort()
    .filter((key) => (from === undefined || key >= from) && (below === undefined || key < below));
  if (backwards) found.reverse();
  return found.slice(0, limit).map((key) => [key, model.get(key)]);
}
