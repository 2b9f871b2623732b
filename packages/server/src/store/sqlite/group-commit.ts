import { ProtocolError } from "@parley/protocol";
import type { Connection } from "./connection.ts";
import { isStorageFault } from "./connection.ts";

/**
 * For tests only: called in place of each COMMIT. `commit` makes the batch durable; throwing before or after it stands
 * for a commit that failed and lost the batch, or failed and kept it.
 */
export type UnsafeTestingCommit = (commit: () => void, connection: Connection) => void;

/** What is in memory and has to agree with the disk. */
export interface Memory {
  /** Reads everything anew. */
  reload(): void;
  /** Last work of a batch of `operations` operations, in its transaction. */
  beforeCommit(operations: number): void;
}

interface Operation {
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly value: unknown } | { readonly refusal: ProtocolError };

/** Longest batch: bounds how long one commit holds the event loop. */
const MAX_BATCH = 512;

class BrokenOperation extends Error {
  readonly place: number;
  constructor(place: number, cause: unknown) {
    super("an operation failed after it had begun to write", { cause });
    this.place = place;
  }
}

/**
 * Runs all operations asked for in one turn of the event loop in one transaction, then acknowledges them.
 *
 * An operation refuses by throwing a `ProtocolError` before it writes or changes memory; it then fails alone. One that
 * fails later is a defect: the batch is undone and run again without it, so operations must be fit to run twice. When the
 * disk is at fault the whole batch is rejected and memory is read anew, as nobody can say whether the batch is on disk;
 * until a probe has been committed, later batches are rejected without being tried.
 */
export class GroupCommit {
  readonly #connection: Connection;
  readonly #memory: Memory;
  readonly #commitWith: UnsafeTestingCommit;
  #queue: Operation[] = [];
  #scheduled = false;
  #memoryIsStale = true;
  #diskIsSuspect = false;
  #closing: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  constructor(
    connection: Connection,
    memory: Memory,
    commitWith: UnsafeTestingCommit = (commit) => commit(),
  ) {
    this.#connection = connection;
    this.#memory = memory;
    this.#commitWith = commitWith;
    this.#refreshMemory();
  }

  /** Runs `operation` in the next batch. @returns its value, once that batch is durable. */
  write<T>(operation: () => T): Promise<T> {
    if (this.#closing) return Promise.reject(new ProtocolError("shutting-down"));
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ run: operation, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Runs `operation` at once, on committed state. */
  async read<T>(operation: () => T): Promise<T> {
    if (this.#closing) throw new ProtocolError("shutting-down");
    try {
      this.#refreshMemory();
      return operation();
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  /** Runs what is queued; afterwards everything is refused. */
  async close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#drained = resolve;
      this.#schedule();
    });
    await this.#closing;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#runBatch(this.#queue.splice(0, MAX_BATCH));
      if (this.#queue.length > 0) this.#schedule();
      else this.#drained?.();
    });
  }

  /** Also ends the transaction of a batch that failed. */
  #refreshMemory(): void {
    if (!this.#memoryIsStale) return;
    this.#connection.rollback();
    this.#memory.reload();
    this.#memoryIsStale = false;
  }

  #refusal(error: unknown): ProtocolError {
    if (error instanceof ProtocolError) return error;
    return isStorageFault(error)
      ? new ProtocolError("storage-unavailable", (error as Error).message)
      : new ProtocolError("internal", error instanceof Error ? error.message : "");
  }

  #runBatch(operations: Operation[]): void {
    while (operations.length > 0) {
      try {
        if (this.#diskIsSuspect) this.#probe();
        const outcomes = this.#commit(operations);
        for (const [place, outcome] of outcomes.entries()) {
          if ("refusal" in outcome) operations[place]?.reject(outcome.refusal);
          else operations[place]?.resolve(outcome.value);
        }
        return;
      } catch (error) {
        this.#memoryIsStale = true;
        if (error instanceof BrokenOperation && !isStorageFault(error.cause)) {
          operations.splice(error.place, 1)[0]?.reject(this.#refusal(error.cause));
          continue;
        }
        this.#diskIsSuspect = true;
        const detail = error instanceof Error ? error.message : "";
        for (const { reject } of operations) reject(new ProtocolError("storage-unavailable", detail));
        return;
      }
    }
  }

  #probe(): void {
    this.#connection.rollback();
    this.#connection.database.exec("BEGIN; UPDATE meta SET value = value + 1 WHERE key = 'probe'");
    this.#commitWith(() => this.#connection.database.exec("COMMIT"), this.#connection);
    this.#diskIsSuspect = false;
  }

  #commit(operations: readonly Operation[]): Outcome[] {
    this.#refreshMemory();
    this.#connection.database.exec("BEGIN");
    const outcomes = operations.map(({ run }, place) => this.#attempt(run, place));
    this.#memory.beforeCommit(operations.length);
    this.#commitWith(() => this.#connection.database.exec("COMMIT"), this.#connection);
    return outcomes;
  }

  #attempt(run: () => unknown, place: number): Outcome {
    const writesBefore = this.#connection.writes;
    try {
      return { value: run() };
    } catch (error) {
      const isClean = this.#connection.writes === writesBefore;
      if (error instanceof ProtocolError && isClean) return { refusal: error };
      throw new BrokenOperation(place, error);
    }
  }
}
