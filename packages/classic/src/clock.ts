/** Time as this package sees it, so that tests can turn it by hand. */
export interface Clock {
  /** Milliseconds since any fixed moment; never goes back. */
  nowMs(): number;
  /** Calls `action` once after `delayMs`. The returned function cancels it and may be called at any time. */
  after(delayMs: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};
