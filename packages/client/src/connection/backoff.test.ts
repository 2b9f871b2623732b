import { ProtocolError } from "@parley/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LONGEST_PLEA_MS, retryDelayMs } from "./backoff.ts";
import { ConnectionError } from "./connection.ts";

const LOST = new ConnectionError("lost", "lost");
const wait = (retryAfterMs: number) =>
  new ConnectionError("lost", "wait", { cause: new ProtocolError("rate-limited", "", { retryAfterMs }) });

test.each([
  // failures, shortest, longest
  [0, 1_000, 2_000],
  [1, 2_000, 4_000],
  [2, 4_000, 8_000],
  [3, 8_000, 16_000],
  [4, 16_000, 32_000],
  [5, 30_000, 60_000],
  [6, 30_000, 60_000],
  [5000, 30_000, 60_000],
])("after %i failures the next try comes in %i to %i ms", (failures, shortestMs, longestMs) => {
  expect(retryDelayMs(LOST, failures, 0)).toBe(shortestMs);
  expect(retryDelayMs(LOST, failures, 1)).toBe(longestMs);
});

test("a relay's retryAfterMs is a lower bound, up to ten minutes, and is jittered", () => {
  expect(retryDelayMs(wait(90_000), 0, 0)).toBe(90_000);
  expect(retryDelayMs(wait(90_000), 0, 0.5)).toBe(90_500);
  expect(retryDelayMs(wait(10), 3, 0)).toBe(8_000);
  expect(retryDelayMs(wait(0xffff_ffff), 0, 0.5)).toBe(LONGEST_PLEA_MS);
});

test("a peer that is no relay (a hotel's login page) is tried again at the slowest pace", () => {
  expect(retryDelayMs(new ConnectionError("not-a-relay", ""), 0, 0)).toBe(30_000);
});

test("no input makes a delay below a second or above ten minutes", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat({ max: 0xffff_ffff }),
      (n, random, askedMs) => {
        for (const reason of [LOST, wait(askedMs)]) {
          const delayMs = retryDelayMs(reason, n, random);
          expect(delayMs).toBeGreaterThanOrEqual(1_000);
          expect(delayMs).toBeLessThanOrEqual(LONGEST_PLEA_MS);
        }
      },
    ),
  );
});
