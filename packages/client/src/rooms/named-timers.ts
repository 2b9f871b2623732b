import type { Clock } from "../connection/clock.ts";

/** Timers by name: while one runs, setting it again changes nothing, so that no stream of reasons puts it off for ever. */
export class NamedTimers {
  readonly #clock: Clock;
  readonly #cancels = new Map<string, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  runs(name: string): boolean {
    return this.#cancels.has(name);
  }

  set(name: string, delayMs: number, run: () => void): void {
    if (this.#cancels.has(name)) return;
    const cancel = this.#clock.setTimer(delayMs, () => {
      this.#cancels.delete(name);
      run();
    });
    this.#cancels.set(name, cancel);
  }

  cancelAll(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }
}
