import type { ClientStore, Collection, KeyRange, StoreChange } from "./client-store.ts";

/** A store that lasts as long as the process: for tests and for trying things out. */
export class MemoryStore implements ClientStore {
  readonly #collections = new Map<Collection, Map<string, Uint8Array>>();

  #of(collection: Collection): Map<string, Uint8Array> {
    let values = this.#collections.get(collection);
    if (!values) this.#collections.set(collection, (values = new Map()));
    return values;
  }

  write(changes: readonly StoreChange[]): void {
    const own = changes.map((change) =>
      change.kind === "put" ? { ...change, value: change.value.slice() } : change,
    );
    for (const change of own) {
      const values = this.#of(change.collection);
      if (change.kind === "put") values.set(change.key, change.value);
      else if (change.kind === "delete") values.delete(change.key);
      else for (const key of [...values.keys()]) if (key.startsWith(change.prefix)) values.delete(key);
    }
  }

  get(collection: Collection, key: string): Uint8Array | undefined {
    return this.#of(collection).get(key)?.slice();
  }

  range(collection: Collection, { from, below, limit, backwards }: KeyRange = {}) {
    const pairs = [...this.#of(collection)]
      .filter(([key]) => (from === undefined || key >= from) && (below === undefined || key < below))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (backwards) pairs.reverse();
    return pairs.slice(0, limit).map(([key, value]) => [key, value.slice()] as const);
  }

  close(): void {}
}
