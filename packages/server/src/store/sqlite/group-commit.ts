import { setImmediate as endOfTurn } from "node:timers/promises";
import { ProtocolError } from "@parley/protocol";
import type { Connection } from "./connection.ts";
import { isStorageFault } from "./connection.ts";

/**
 * For tests only: called in place of each COMMIT. `commit` makes the batch durable; throwing before or after it stands
 * for a commit that failed and lost the batch, or failed and kept it.
 */
export type UnsafeTestingCommit = (commit: () => void, connection: Connection) => void;

/**
 * For tests only: called in place of each sync of the journal. `sync` makes what was committed durable; rejecting stands
 * for a disk that failed to.
 */
export type UnsafeTestingSync = (sync: () => Promise<void>) => Promise<void>;

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
 * Runs the operations that are asked for while the disk is at work on the last ones in one transaction, makes that
 * durable, then acknowledges them. While a batch is on its way to the disk the event loop goes on, but nothing is read
 * and no other batch is begun, so that nobody sees what is not durable.
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
  readonly #syncWith: UnsafeTestingSync;
  #queue: Operation[] = [];
  #scheduled = false;
  #memoryIsStale = true;
  #diskIsSuspect = false;
  #journalIsSuspect = false;
  /** Settles when the batch that was committed last is on the disk, or lost. */
  #onItsWay: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  constructor(
    connection: Connection,
    memory: Memory,
    testing: {
      readonly commit?: UnsafeTestingCommit | undefined;
      readonly sync?: UnsafeTestingSync | undefined;
    } = {},
  ) {
    this.#connection = connection;
    this.#memory = memory;
    this.#commitWith = testing.commit ?? ((commit) => commit());
    this.#syncWith = testing.sync ?? ((sync) => sync());
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

  /** Runs `operation` on durable state: at once, unless a batch is on its way to the disk. */
  async read<T>(operation: () => T): Promise<T> {
    while (this.#onItsWay) await this.#onItsWay;
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
    if (this.#scheduled || this.#onItsWay) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#onItsWay = this.#runTurn(this.#queue.splice(0, MAX_BATCH)).finally(() => {
        this.#onItsWay = undefined;
        if (this.#queue.length > 0) this.#schedule();
        else this.#drained?.();
      });
    });
  }

  async #runTurn(operations: Operation[]): Promise<void> {
    const writesBefore = this.#connection.writes;
    const outcomes = this.#runBatch(operations);
    if (!outcomes) return;
    try {
      if (this.#connection.writes !== writesBefore)
        await this.#syncWith(() => this.#connection.syncJournal());
    } catch (error) {
      this.#diskIsSuspect = true;
      this.#journalIsSuspect = true;
      rejectAll(operations, error);
      return;
    }
    acknowledge(operations, outcomes);
    if (this.#connection.isCheckpointDue) await this.#checkpoint();
  }

  async #checkpoint(): Promise<void> {
    // What the batch has set off begins one turn from now, and goes first.
    await endOfTurn();
    await endOfTurn();
    try {
      this.#connection.checkpoint();
    } catch {
      // Nothing is lost, the journal has it all. The probe tells whether the disk still takes commits.
      this.#diskIsSuspect = true;
    }
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

  /** @returns what came of the operations that were not rejected already, one for one; `undefined` if all of them were. */
  #runBatch(operations: Operation[]): Outcome[] | undefined {
    while (operations.length > 0) {
      try {
        if (this.#diskIsSuspect) this.#probe();
        return this.#commit(operations);
      } catch (error) {
        this.#memoryIsStale = true;
        if (error instanceof BrokenOperation && !isStorageFault(error.cause)) {
          operations.splice(error.place, 1)[0]?.reject(this.#refusal(error.cause));
          continue;
        }
        this.#diskIsSuspect = true;
        rejectAll(operations, error);
        return undefined;
      }
    }
    return undefined;
  }

  /** Throws unless the disk takes a commit; what a sync has left in doubt is written again first. */
  #probe(): void {
    this.#connection.rollback();
    if (this.#journalIsSuspect) this.#connection.foldJournal();
    this.#journalIsSuspect = false;
    this.#connection.database.exec("BEGIN; UPDATE meta SET value = value + 1 WHERE key = 'probe'");
    this.#commitWith(() => this.#connection.database.exec("COMMIT"), this.#connection);
    this.#diskIsSuspect = false;
  }

  #commit(operations: readonly Operation[]): Outcome[] {
    this.#refreshMemory();
    this.#connection.database.exec("BEGIN");
    const outcomes: Outcome[] = [];
    for (const { run } of operations) outcomes.push(this.#attempt(run, outcomes.length));
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

function acknowledge(operations: readonly Operation[], outcomes: readonly Outcome[]): void {
  let place = 0;
  for (const { resolve, reject } of operations) {
    const outcome = outcomes[place++] as Outcome;
    if ("refusal" in outcome) reject(outcome.refusal);
    else resolve(outcome.value);
  }
}

function rejectAll(operations: readonly Operation[], error: unknown): void {
  const detail = error instanceof Error ? error.message : "";
  for (const { reject } of operations) reject(new ProtocolError("storage-unavailable", detail));
}
