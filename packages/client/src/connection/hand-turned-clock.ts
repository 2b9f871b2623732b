import type { Clock } from "./clock.ts";

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** A clock that stands still until a test turns it. */
export class HandTurnedClock implements Clock {
  #nowMs: number;
  readonly #timers = new Set<Timer>();

  constructor(startMs = Date.UTC(2026, 10, 24, 12)) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** How long until the next timer runs; `undefined` when none is set. */
  get nextInMs(): number | undefined {
    const next = this.#earliest();
    return next && next.atMs - this.#nowMs;
  }

  /** Turns the clock on, running what falls due in order, with everything settled before, between and after. */
  async turn(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    for (let next = this.#earliest(); next && next.atMs <= untilMs; next = this.#earliest()) {
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
      await settled();
    }
    this.#nowMs = untilMs;
  }

  /** Sets the time without running anything, as a machine that slept. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }

  #earliest(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (!first || timer.atMs < first.atMs) first = timer;
    return first;
  }
}

/** Resolves when every promise that could settle without the outside world has done so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
