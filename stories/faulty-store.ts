import type {
  ClientStore,
  Collection,
  KeyRange,
  StoreChange,
} from "../packages/client/src/store/client-store.ts";
import { StoreError } from "../packages/client/src/store/client-store.ts";

/** How a write goes wrong. */
export type StoreFault =
  /** Nothing is stored, and the caller is told. */
  | "fails-and-loses"
  /** Everything is stored, and the caller is told that it is not. */
  | "fails-but-persists";

/** A store whose nth write goes wrong. */
export class FaultyStore implements ClientStore {
  readonly #inner: ClientStore;
  /** Counts down; the write that finds 1 fails. 0 and below: no more faults. */
  failIn = 0;
  fault: StoreFault = "fails-and-loses";
  writes = 0;

  constructor(inner: ClientStore) {
    this.#inner = inner;
  }

  write(changes: readonly StoreChange[]): void {
    if (changes.length === 0) return;
    this.writes += 1;
    this.failIn -= 1;
    if (this.failIn !== 0) return this.#inner.write(changes);
    if (this.fault === "fails-but-persists") this.#inner.write(changes);
    throw new StoreError("unavailable", "the disk is full, says the test");
  }

  get(collection: Collection, key: string): Uint8Array | undefined {
    return this.#inner.get(collection, key);
  }

  range(collection: Collection, range?: KeyRange) {
    return this.#inner.range(collection, range);
  }

  close(): void {
    this.#inner.close();
  }
}
