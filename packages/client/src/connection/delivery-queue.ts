import type { Delivery } from "./connection.ts";

/** Waiting bytes from which the socket is no longer read. */
export const FULL_BYTES = 8 * 1024 * 1024;
/** Waiting bytes up to which it is read again. */
const DRAINED_BYTES = FULL_BYTES / 2;
/** Waiting bytes that end the connection; reached only when reading goes on for the sake of an answer. */
const OVERFLOW_BYTES = 4 * FULL_BYTES;
/** What a small delivery costs beside its bytes. */
const OVERHEAD_BYTES = 256;
/** Given deliveries that are kept before the list is shortened: shortening costs its length. */
const FORGET_EVERY = 1024;

interface Waiting {
  readonly delivery: Delivery;
  readonly sizeBytes: number;
}

interface QueueEvents {
  /** The number of waiting bytes has changed. */
  readonly onChange: () => void;
  /** The receiver threw; nothing more is given to it. */
  readonly onFailure: (cause: unknown) => void;
}

/** Deliveries in order, given to one receiver one at a time. */
export class DeliveryQueue {
  readonly #receive: (delivery: Delivery) => Promise<void> | void;
  readonly #events: QueueEvents;
  #waiting: Waiting[] = [];
  #next = 0;
  #waitingBytes = 0;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(receive: (delivery: Delivery) => Promise<void> | void, events: QueueEvents) {
    this.#receive = receive;
    this.#events = events;
  }

  get full(): boolean {
    return this.#waitingBytes >= FULL_BYTES;
  }

  get drained(): boolean {
    return this.#waitingBytes <= DRAINED_BYTES;
  }

  get overflowing(): boolean {
    return this.#waitingBytes >= OVERFLOW_BYTES;
  }

  /** @param sizeBytes of the frame it came in. */
  add(delivery: Delivery, sizeBytes: number): void {
    if (this.#stopped) return;
    this.#waiting.push({ delivery, sizeBytes: sizeBytes + OVERHEAD_BYTES });
    this.#waitingBytes += sizeBytes + OVERHEAD_BYTES;
    this.#events.onChange();
    this.#running ??= this.#run();
  }

  /** Drops what waits. Resolves when the delivery that is being processed has settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting = [];
    this.#next = 0;
    this.#waitingBytes = 0;
    await this.#running;
  }

  #forgetGiven(): void {
    if (this.#next < FORGET_EVERY && this.#next < this.#waiting.length) return;
    this.#waiting.splice(0, this.#next);
    this.#next = 0;
  }

  async #run(): Promise<void> {
    await undefined;
    try {
      while (this.#next < this.#waiting.length) {
        const { delivery, sizeBytes } = this.#waiting[this.#next++] as Waiting;
        const settling = this.#receive(delivery);
        if (settling) await settling;
        if (this.#stopped) return;
        this.#waitingBytes -= sizeBytes;
        this.#forgetGiven();
        this.#events.onChange();
      }
    } catch (cause) {
      // After `stop` the receiver fails because the connection has ended; what it was given comes again with the next.
      if (!this.#stopped) this.#events.onFailure(cause);
    } finally {
      this.#running = undefined;
    }
  }
}
