import type { Clock } from "../clock.ts";

/** How much somebody may do: `burst` at once, and `perSecond` for ever. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

interface Level {
  tokens: number;
  atMs: number;
}

/**
 * Token buckets, one for each key, all of one {@link Rate}. A key that has not been seen has a full bucket; full ones are
 * forgotten by {@link forgetFull}, so that memory follows the number of those who are busy now.
 */
export class TokenBuckets {
  readonly #clock: Clock;
  readonly #rate: Rate;
  readonly #levels = new Map<string, Level>();

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
  }

  /**
   * Takes `cost` tokens. A cost above the burst is taken as the burst, so that it can be met at all.
   * @returns 0, or, when there are too few and none were taken, the milliseconds until there will be enough.
   */
  take(key: string, cost: number): number {
    const wanted = Math.min(cost, this.#rate.burst);
    const level = this.#level(key);
    if (level.tokens >= wanted) {
      level.tokens -= wanted;
      return 0;
    }
    return Math.max(1, Math.ceil(((wanted - level.tokens) / this.#rate.perSecond) * 1000));
  }

  /** Gives back what was taken in vain. */
  give(key: string, tokens: number): void {
    const level = this.#level(key);
    level.tokens = Math.min(this.#rate.burst, level.tokens + tokens);
  }

  /** Drops the buckets that have filled up again. */
  forgetFull(): void {
    for (const key of this.#levels.keys()) {
      if (this.#level(key).tokens >= this.#rate.burst) this.#levels.delete(key);
    }
  }

  /** How many buckets are held. */
  get size(): number {
    return this.#levels.size;
  }

  #level(key: string): Level {
    const nowMs = this.#clock.nowMs();
    let level = this.#levels.get(key);
    if (!level) {
      level = { tokens: this.#rate.burst, atMs: nowMs };
      this.#levels.set(key, level);
      return level;
    }
    const elapsedMs = Math.max(0, nowMs - level.atMs);
    level.tokens = Math.min(this.#rate.burst, level.tokens + (elapsedMs / 1000) * this.#rate.perSecond);
    level.atMs = nowMs;
    return level;
  }
}
