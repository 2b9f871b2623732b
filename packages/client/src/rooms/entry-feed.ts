import type { RoomLogEntry } from "@parley/protocol";
import type { SerialQueue } from "./serial-queue.ts";

/** Entries that are made durable together. */
const BATCH_ENTRIES = 256;
/** Entries that may wait before the connection is held back. */
const MAX_WAITING_ENTRIES = 1024;

/** An entry and its canonical bytes. */
export interface DeliveredEntry {
  readonly bytes: Uint8Array;
  readonly entry: RoomLogEntry;
}

/** What a feed needs of its room. */
export interface FeedOptions {
  readonly queue: SerialQueue;
  /** The last entry processed. */
  readonly cursor: () => number;
  /** Makes a batch durable, in the queue. */
  readonly process: (batch: readonly DeliveredEntry[]) => Promise<void>;
  /**
   * A batch was not processed, and what followed it is thrown away: the relay has to begin again at the cursor. `losses`:
   * how often in a row that has brought nothing.
   */
  readonly onFailure: (error: unknown, losses: number) => void;
}

/** A room's entries on their way from the connection to the disk. */
export class EntryFeed {
  readonly #options: FeedOptions;
  #waiting: DeliveredEntry[] = [];
  #draining: Promise<void> | undefined;
  /** Entries were thrown away: what does not follow the cursor is passed over until the relay has begun again. */
  #missing = false;
  #losses = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** The promise resolves at once while there is room; the connection waits for it otherwise. */
  deliver(delivered: DeliveredEntry): Promise<void> {
    const { queue, cursor } = this.#options;
    if (this.#missing && delivered.entry.seq > cursor() + 1) return Promise.resolve();
    this.#missing = false;
    this.#waiting.push(delivered);
    this.#draining ??= queue.run(() => this.#drain());
    return this.#waiting.length > MAX_WAITING_ENTRIES ? this.#draining : Promise.resolve();
  }

  /** Whether nothing was thrown away that the relay has yet to send again. */
  get isWhole(): boolean {
    return !this.#missing;
  }

  /** Resolves when everything that was delivered so far has been processed. */
  async settled(): Promise<void> {
    await this.#draining;
  }

  /** Throws away what waits: it comes again with the next connection. */
  clear(): void {
    this.#waiting = [];
    this.#missing = false;
  }

  async #drain(): Promise<void> {
    const { process, cursor, onFailure } = this.#options;
    try {
      while (this.#waiting.length > 0) {
        const before = cursor();
        await process(this.#waiting.splice(0, BATCH_ENTRIES));
        if (cursor() > before) this.#losses = 0;
      }
    } catch (error) {
      this.#waiting = [];
      this.#missing = true;
      onFailure(error, this.#losses++);
    } finally {
      this.#draining = undefined;
    }
  }
}
