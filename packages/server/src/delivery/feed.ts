import type { Clock } from "../clock.ts";
import type { Subscription } from "./subscription.ts";
import type { Turn } from "./turn.ts";

const READ_RETRY_MS = 1000;

/** One entry of a log, as the log's source frames it. */
export interface LogItem {
  readonly seq: number;
  readonly bytes: Uint8Array;
  /** `deviceText` of those who may not read on after this entry. */
  readonly departures?: readonly string[];
}

/** The log that a feed delivers, as the store has it. */
export interface FeedSource {
  /** Entries after `afterSeq` in order: one page, empty only if there are none. Numbers that are missing are gone. */
  read(afterSeq: number): Promise<readonly LogItem[]>;
  /** One buffer of WebSocket frames, one for each item. */
  frame(items: readonly LogItem[]): Buffer;
  /** What a departed device is told after its last entry. */
  farewell(seq: number): Buffer | undefined;
}

/** What all feeds of a relay have in common. */
export interface FeedOptions {
  readonly turn: Turn;
  readonly clock: Clock;
  /** Hears of reads that failed; they are tried again. */
  readonly onFault: (error: unknown) => void;
  /** Hears how many entries were put into outboxes. */
  readonly onDelivered: (count: number) => void;
}

/** Consecutive entries of a log: all there is after `afterSeq` up to the last of them. */
interface Batch {
  readonly afterSeq: number;
  readonly entries: readonly LogItem[];
  readonly lastSeq: number;
  readonly bytes: Buffer;
  readonly hasDepartures: boolean;
}

/**
 * Delivers one log to those who listen. Entries of one turn become one buffer, which every live subscription shares.
 *
 * A subscription moves through `join` (its interest is known, so nothing is missed from here on), pages read from the
 * store and handed to `deliverPage`, and `cutOver`. Its cursor decides what it is given, so that no entry is lost,
 * repeated or out of order, whichever way it came.
 */
export class Feed {
  readonly source: FeedSource;
  readonly #options: FeedOptions;
  readonly #members = new Set<Subscription>();
  #liveCount = 0;
  /** The highest number heard of. */
  #headSeq = 0;
  /** Everything up to here has gone to the live subscriptions; undefined while there are none. */
  #deliveredSeq: number | undefined;
  readonly #early = new Map<number, LogItem>();
  #reading = false;

  constructor(source: FeedSource, options: FeedOptions) {
    this.source = source;
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** Whether somebody gets entries as they come. */
  get isLive(): boolean {
    return this.#liveCount > 0;
  }

  get headSeq(): number {
    return this.#headSeq;
  }

  /** The log is known to reach `seq`. */
  wake(seq: number): void {
    this.#headSeq = Math.max(this.#headSeq, seq);
    this.#deliverSoon();
  }

  /** An entry that this process has just stored, so that it need not be read back. Announced by {@link wake}. */
  offer(entry: LogItem): void {
    if (this.#deliveredSeq !== undefined && entry.seq > this.#deliveredSeq) this.#early.set(entry.seq, entry);
  }

  join(subscription: Subscription): void {
    this.#members.add(subscription);
  }

  leave(subscription: Subscription): void {
    subscription.active = false;
    if (!this.#members.delete(subscription) || !subscription.live) return;
    this.#liveCount--;
    if (this.#liveCount > 0) return;
    this.#deliveredSeq = undefined;
    this.#early.clear();
  }

  /** Hands over a page read after the subscription's cursor. */
  deliverPage(subscription: Subscription, entries: readonly LogItem[]): void {
    const batch = this.#makeBatch(subscription.cursor, entries);
    if (!batch) return;
    this.#options.onDelivered(entries.length);
    this.#deliver(batch, subscription);
  }

  /** Makes the subscription live if it has everything that was heard of. @returns whether it is live now. */
  cutOver(subscription: Subscription): boolean {
    if (subscription.cursor < this.#headSeq) return false;
    this.#headSeq = subscription.cursor;
    this.#deliveredSeq ??= subscription.cursor;
    subscription.live = true;
    this.#liveCount++;
    // Its pages may have run ahead of what the others have been given.
    this.#deliverSoon();
    return true;
  }

  /** Delivers what came in this turn. */
  flush(): void {
    if (this.#deliveredSeq === undefined) return;
    const entries: LogItem[] = [];
    for (let seq = this.#deliveredSeq + 1; ; seq++) {
      const entry = this.#early.get(seq);
      if (!entry) break;
      this.#early.delete(seq);
      entries.push(entry);
    }
    this.#deliverLive(entries);
    if (this.#deliveredSeq !== undefined && this.#headSeq > this.#deliveredSeq) void this.#readMissing();
  }

  #deliverSoon(): void {
    if (this.#deliveredSeq !== undefined && this.#headSeq > this.#deliveredSeq)
      this.#options.turn.flushFeed(this);
  }

  #deliverLive(entries: readonly LogItem[]): void {
    const afterSeq = this.#deliveredSeq;
    const batch = afterSeq === undefined ? undefined : this.#makeBatch(afterSeq, entries);
    if (!batch) return;
    this.#deliveredSeq = batch.lastSeq;
    this.#headSeq = Math.max(this.#headSeq, batch.lastSeq);
    const chunk = { bytes: batch.bytes, droppable: true };
    this.#options.onDelivered(entries.length * this.#liveCount);
    for (const subscription of this.#members) {
      if (!subscription.live) continue;
      if (subscription.cursor === batch.afterSeq && !batch.hasDepartures) {
        subscription.sink.push(chunk);
        subscription.cursor = batch.lastSeq;
      } else {
        this.#deliver(batch, subscription);
      }
    }
  }

  #deliver(batch: Batch, subscription: Subscription): void {
    if (batch.lastSeq <= subscription.cursor) return;
    const fresh = batch.entries.filter(({ seq }) => seq > subscription.cursor);
    const departure = fresh.find(
      ({ seq, departures }) => seq > subscription.allowedAtSeq && departures?.includes(subscription.device),
    );
    const due = departure ? fresh.filter(({ seq }) => seq <= departure.seq) : fresh;
    const bytes = due.length === batch.entries.length ? batch.bytes : this.source.frame(due);
    subscription.sink.push({ bytes, droppable: true });
    subscription.cursor = departure?.seq ?? batch.lastSeq;
    if (!departure) return;
    this.leave(subscription);
    const farewell = this.source.farewell(departure.seq);
    if (farewell) subscription.sink.push({ bytes: farewell, droppable: true });
    subscription.onDeparture();
  }

  #makeBatch(afterSeq: number, entries: readonly LogItem[]): Batch | undefined {
    const last = entries.at(-1);
    if (!last) return undefined;
    return {
      afterSeq,
      entries,
      lastSeq: last.seq,
      bytes: this.source.frame(entries),
      hasDepartures: entries.some(({ departures }) => departures !== undefined),
    };
  }

  /** Entries were stored by another process, or are still on their way to {@link offer}. */
  async #readMissing(): Promise<void> {
    if (this.#reading || this.#deliveredSeq === undefined) return;
    this.#reading = true;
    const expectedSeq = this.#headSeq;
    try {
      const page = await this.source.read(this.#deliveredSeq);
      this.#deliverRead(page, expectedSeq);
      this.#deliverSoon();
    } catch (error) {
      this.#options.onFault(error);
      this.#options.clock.after(READ_RETRY_MS, () => this.flush());
    } finally {
      this.#reading = false;
    }
  }

  #deliverRead(page: readonly LogItem[], expectedSeq: number): void {
    const deliveredSeq = this.#deliveredSeq;
    if (deliveredSeq === undefined) return;
    this.#deliverLive(page.filter(({ seq }) => seq > deliveredSeq));
    const reachedSeq = this.#deliveredSeq ?? deliveredSeq;
    for (const seq of this.#early.keys()) if (seq <= reachedSeq) this.#early.delete(seq);
    // The store is the truth: a wake-up for what it does not have was wrong.
    if (page.length === 0 && this.#headSeq === expectedSeq) this.#headSeq = reachedSeq;
  }
}
