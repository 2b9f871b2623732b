import type {
  ClientStore,
  Collection,
  KeyRange,
  StoreChange,
} from "../packages/client/src/store/client-store.ts";
import { StoreError } from "../packages/client/src/store/client-store.ts";

/** What a program gets from a store that crashed under it. */
export class CrashedStoreError extends StoreError {
  constructor() {
    super("unavailable", "the program has crashed, says the test");
  }
}

/** A store that can be taken away from a running program, as when its process is killed: nothing is written after that. */
export class CrashingStore implements ClientStore {
  readonly #inner: ClientStore;
  #crashed = false;

  get crashed(): boolean {
    return this.#crashed;
  }

  constructor(inner: ClientStore) {
    this.#inner = inner;
  }

  crash(): void {
    this.#crashed = true;
    this.#inner.close();
  }

  write(changes: readonly StoreChange[]): void {
    this.#requireAlive();
    this.#inner.write(changes);
  }

  get(collection: Collection, key: string): Uint8Array | undefined {
    this.#requireAlive();
    return this.#inner.get(collection, key);
  }

  range(collection: Collection, range?: KeyRange) {
    this.#requireAlive();
    return this.#inner.range(collection, range);
  }

  /** What is still under way in a program that closes gets to know no more than one that crashes. */
  close(): void {
    if (!this.#crashed) this.crash();
  }

  #requireAlive(): void {
    if (this.#crashed) throw new CrashedStoreError();
  }
}
