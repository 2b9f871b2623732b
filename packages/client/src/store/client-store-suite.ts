import { expect, test } from "vitest";
import type { ClientStore, StoreChange } from "./client-store.ts";
import { keysUnder } from "./client-store.ts";

const value = (n: number) => Uint8Array.of(n);
const put = (key: string, n = 1): StoreChange => ({
  kind: "put",
  collection: "timeline",
  key,
  value: value(n),
});

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
}
