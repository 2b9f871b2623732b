import type { Secret } from "@parley/trust";
import type { ClientStore, Collection, KeyRange, StoreChange } from "../store/client-store.ts";
import { StoreError } from "../store/client-store.ts";
import { seal, unseal } from "./sealing.ts";

/**
 * A store whose values are sealed, each for its collection and key: none can be read, changed or moved to another place
 * without the key. Collections, keys, the lengths of values and their number stay clear, and whoever can write to the
 * file can delete a value or put back an older one of the same place.
 */
export class SealedStore implements ClientStore {
  readonly #inner: ClientStore;
  readonly #key: Secret;

  /** Owns `inner` and `key` from now on: {@link close} closes the one and wipes the other. */
  constructor(inner: ClientStore, key: Secret) {
    this.#inner = inner;
    this.#key = key;
  }

  write(changes: readonly StoreChange[]): void {
    const key = this.#key.expose();
    this.#inner.write(
      changes.map((change) =>
        change.kind === "put"
          ? { ...change, value: seal(key, placeOf(change.collection, change.key), change.value) }
          : change,
      ),
    );
  }

  /** Throws StoreError `unreadable` for a value that is not what was stored there; so does {@link range}. */
  get(collection: Collection, key: string): Uint8Array | undefined {
    const value = this.#inner.get(collection, key);
    return value && this.#open(collection, key, value);
  }

  range(collection: Collection, range?: KeyRange): readonly (readonly [key: string, value: Uint8Array])[] {
    return this.#inner
      .range(collection, range)
      .map(([key, value]) => [key, this.#open(collection, key, value)] as const);
  }

  #open(collection: Collection, key: string, value: Uint8Array): Uint8Array {
    const opened = unseal(this.#key.expose(), placeOf(collection, key), value);
    if (typeof opened !== "string") return opened;
    throw new StoreError(
      "unreadable",
      `a sealed record of the local store (${collection}) is damaged or was moved; put the folder back from a copy`,
    );
  }

  close(): void {
    this.#key.wipe();
    this.#inner.close();
  }
}

/** No collection's name has a zero in it. */
function placeOf(collection: Collection, key: string): string {
  return `${collection}\0${key}`;
}
