import { ProtocolError } from "@parley/protocol";
import type { ConnectionError } from "./connection.ts";

/** A connection that lasted this long makes the next delay the shortest again. */
export const STABLE_MS = 30_000;
/** Shortest delay between two tries. */
const FIRST_DELAY_MS = 1_000;
/** Longest delay that grows from failures. */
const LAST_DELAY_MS = 60_000;
/** Longest delay that a relay may ask for. */
export const LONGEST_PLEA_MS = 10 * 60_000;

/**
 * How long to wait before the next try. Doubles with each failure; the upper half of each step is random, so that the
 * clients of a relay that fell over do not all come back at the same moment. A relay's `retryAfterMs` is honoured.
 *
 * @param failures tries that failed since the last stable connection, not counting this one.
 * @param random uniform in [0, 1).
 */
export function retryDelayMs(reason: ConnectionError, failures: number, random: number): number {
  const doubled = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures + 1));
  const ceilingMs = reason.code === "not-a-relay" ? LAST_DELAY_MS : doubled;
  const delayMs = Math.round(ceilingMs * (0.5 + random / 2));
  const askedMs = reason.cause instanceof ProtocolError ? (reason.cause.data.retryAfterMs ?? 0) : 0;
  return Math.max(delayMs, Math.min(askedMs + Math.round(random * FIRST_DELAY_MS), LONGEST_PLEA_MS));
}
