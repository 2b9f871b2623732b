import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HandTurnedClock } from "../hand-turned-clock.ts";
import { TokenBuckets } from "./token-bucket.ts";

describe("token buckets", () => {
  it("allow the burst, then say how long to wait, and mean it", () => {
    const clock = new HandTurnedClock();
    const buckets = new TokenBuckets(clock, { burst: 3, perSecond: 2 });
    expect([1, 1, 1].map((cost) => buckets.take("a", cost))).toEqual([0, 0, 0]);
    expect(buckets.take("a", 1)).toBe(500);
    clock.advance(499);
    expect(buckets.take("a", 1)).toBeGreaterThan(0);
    clock.advance(1);
    expect(buckets.take("a", 1)).toBe(0);
  });

  it("keep keys apart", () => {
    const buckets = new TokenBuckets(new HandTurnedClock(), { burst: 1, perSecond: 1 });
    expect(buckets.take("a", 1)).toBe(0);
    expect(buckets.take("b", 1)).toBe(0);
    expect(buckets.take("a", 1)).toBe(1000);
  });

  it("let a request through that costs more than the burst when the bucket is full", () => {
    const buckets = new TokenBuckets(new HandTurnedClock(), { burst: 5, perSecond: 1 });
    expect(buckets.take("a", 50)).toBe(0);
    expect(buckets.take("a", 50)).toBe(5000);
  });

  it("forget keys whose buckets are full again", () => {
    const clock = new HandTurnedClock();
    const buckets = new TokenBuckets(clock, { burst: 1, perSecond: 1 });
    buckets.take("a", 1);
    buckets.forgetFull();
    expect(buckets.size).toBe(1);
    clock.advance(1000);
    buckets.forgetFull();
    expect(buckets.size).toBe(0);
  });

  it("never grant more than the burst and the rate, however the requests fall", () => {
    const steps = fc.array(fc.record({ waitMs: fc.nat(3000), cost: fc.integer({ min: 1, max: 4 }) }));
    fc.assert(
      fc.property(steps, (requests) => {
        const clock = new HandTurnedClock();
        const startMs = clock.nowMs();
        const buckets = new TokenBuckets(clock, { burst: 4, perSecond: 1.5 });
        let granted = 0;
        for (const { waitMs, cost } of requests) {
          clock.advance(waitMs);
          if (buckets.take("a", cost) === 0) granted += cost;
          expect(granted).toBeLessThanOrEqual(4 + ((clock.nowMs() - startMs) / 1000) * 1.5 + 1e-6);
        }
      }),
    );
  });
});
