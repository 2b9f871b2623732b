import type { Connection } from "./connection.ts";

/** How a commit fails: nothing of the batch is on disk, or all of it. */
export type Fault = "loses" | "persists";

/** A commit that fails on demand. For tests. */
export class FaultyCommit {
  #fault: Fault | undefined;
  #sound = 0;
  #count = Infinity;
  #connection: Connection | undefined;

  /** The next `count` commits fail, after `sound` that do not. */
  arm(fault: Fault, { sound = 0, count = 1 } = {}): void {
    this.#fault = fault;
    this.#sound = sound;
    this.#count = count;
  }

  /** Commits succeed again. */
  disarm(): void {
    this.#fault = undefined;
  }

  /** The connection of the store, once it has committed. */
  get connection(): Connection {
    if (!this.#connection) throw new Error("nothing was committed yet");
    return this.#connection;
  }

  readonly commit = (commit: () => void, connection: Connection): void => {
    this.#connection = connection;
    const fault = this.#sound > 0 ? undefined : this.#fault;
    if (this.#sound > 0) this.#sound--;
    if (!fault) {
      commit();
      return;
    }
    if (--this.#count === 0) this.disarm();
    if (fault === "persists") commit();
    throw new Error(`injected: the commit ${fault}`);
  };
}
