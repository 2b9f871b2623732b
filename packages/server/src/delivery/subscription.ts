import type { Chunk } from "./outbox.ts";

/** Where a subscription's frames go: an outbox, or what stands for one. */
export interface Sink {
  push(chunk: Chunk): void;
}

/** One device listening to one log on one connection. */
export class Subscription {
  readonly device: string;
  readonly sink: Sink;
  /** Called when the device departed and has been given its last entry. */
  readonly onDeparture: () => void;
  /** Everything up to here has been pushed. */
  cursor: number;
  /** Where the log ended when the device was seen to be allowed to read it; a departure up to here is history. */
  allowedAtSeq: number;
  /** Gets entries as they come; before that, it reads them from the store. */
  live = false;
  /** False for good once it was left or the device departed. */
  active = true;

  constructor(options: { device: string; sink: Sink; cursor: number; onDeparture?: () => void }) {
    this.device = options.device;
    this.sink = options.sink;
    this.cursor = options.cursor;
    this.allowedAtSeq = options.cursor;
    this.onDeparture = options.onDeparture ?? (() => {});
  }
}
