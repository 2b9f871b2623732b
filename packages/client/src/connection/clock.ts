/** Time as this package sees it. Tests turn one by hand. */
export interface Clock {
  /** Milliseconds since 1970. May jump, as when the machine was asleep. */
  nowMs(): number;
  /** Calls `run` once, `delayMs` from now. @returns the way to call it off; harmless when it has run. */
  setTimer(delayMs: number, run: () => void): () => void;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  setTimer(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
