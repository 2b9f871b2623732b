/** Where the relay takes the time from, so that tests can turn it by hand. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Runs `task` once after `delayMs`. Does not keep the process alive. @returns what cancels it. */
  after(delayMs: number, task: () => void): () => void;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: Date.now,
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Runs `task` every `periodMs`, the first time after one period. @returns what stops it. */
export function every(clock: Clock, periodMs: number, task: () => void): () => void {
  let cancel = clock.after(periodMs, function tick() {
    cancel = clock.after(periodMs, tick);
    task();
  });
  return () => cancel();
}
