import fc from "fast-check";
import { expect, test } from "vitest";
import type { StoreChange } from "../store/client-store.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { ChangeSet } from "./room-record.ts";

const collection = fc.constantFrom("group" as const, "head" as const);
const key = fc.stringMatching(/^[ab/]{1,3}$/);
const steps: fc.Arbitrary<readonly StoreChange[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("put" as const),
      collection,
      key,
      value: fc.uint8Array({ minLength: 1, maxLength: 1 }),
    }),
    fc.record({ kind: fc.constant("delete" as const), collection, key }),
    fc.record({ kind: fc.constant("delete-prefix" as const), collection, prefix: key }),
  ),
  { maxLength: 25 },
);

test("a change set leaves a store as all its changes one after the other do", () => {
  fc.assert(
    fc.property(steps, steps, (before, changes) => {
      const [atOnce, oneByOne] = [new MemoryStore(), new MemoryStore()];
      const set = new ChangeSet();
      for (const store of [atOnce, oneByOne]) store.write(before);
      for (const change of changes) {
        oneByOne.write([change]);
        if (change.kind === "put") set.put(change.collection, change.key, change.value);
        else if (change.kind === "delete") set.delete(change.collection, change.key);
        else set.deletePrefix(change.collection, change.prefix);
      }
      atOnce.write(set.list());
      for (const name of ["group", "head"] as const) {
        expect(atOnce.range(name)).toEqual(oneByOne.range(name));
      }
    }),
    { numRuns: 500 },
  );
});
