import type { Clock } from "../clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly action: () => void;
}

/** A clock that stands still until it is turned. */
export class HandClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<Timer>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Goes `ms` on, running what falls due in its order, and what that sets off within the time. */
  turn(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#nextUntil(endMs); next !== undefined; next = this.#nextUntil(endMs)) {
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.action();
    }
    this.#nowMs = endMs;
  }

  #nextUntil(endMs: number): Timer | undefined {
    return [...this.#timers]
      .filter(({ dueMs }) => dueMs <= endMs)
      .sort((a, b) => a.dueMs - b.dueMs)
      .at(0);
  }
}

/**
 * The system's clock, with one turn of the event loop between a timer and its action. A stalled process runs timers
 * before it reads, so that two ends in one process would see packets together that were sent 20 ms apart.
 */
export const patientClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, action) {
    let immediate: NodeJS.Immediate | undefined;
    const timer = setTimeout(() => {
      immediate = setImmediate(action);
    }, delayMs);
    return () => {
      clearTimeout(timer);
      clearImmediate(immediate);
    };
  },
};
