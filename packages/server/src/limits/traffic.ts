import type { RequestKind } from "@parley/protocol";
import { LIMITS, ProtocolError } from "@parley/protocol";
import type { Clock } from "../clock.ts";
import type { RelayLimits } from "./relay-limits.ts";
import { COST_BYTES, REQUEST_COSTS } from "./relay-limits.ts";
import { TokenBuckets } from "./token-bucket.ts";

const HOUR_SECONDS = 60 * 60;

/** Counts what is asked of the relay, by device and by address, and refuses what is too much. */
export class Traffic {
  readonly #attempts: TokenBuckets;
  readonly #devices: TokenBuckets;
  readonly #addresses: TokenBuckets;
  readonly #replacements: TokenBuckets;

  constructor(clock: Clock, limits: RelayLimits) {
    this.#attempts = new TokenBuckets(clock, limits.attemptsPerAddress);
    this.#devices = new TokenBuckets(clock, limits.requestsPerDevice);
    this.#addresses = new TokenBuckets(clock, limits.requestsPerAddress);
    const burst = LIMITS.replacementsPerHour;
    this.#replacements = new TokenBuckets(clock, { burst, perSecond: burst / HOUR_SECONDS });
  }

  /** Before a login or registration. Throws `rate-limited`. */
  admitAttempt(address: string): void {
    refuseAfter(this.#attempts.take(address, 1));
  }

  /** A login succeeded: it does not count. */
  forgiveAttempt(address: string): void {
    this.#attempts.give(address, 1);
  }

  /** Before any other request. Throws `rate-limited`. */
  admitRequest(request: { kind: RequestKind; frameBytes: number; device: string; address: string }): void {
    const cost = REQUEST_COSTS[request.kind] + Math.floor(request.frameBytes / COST_BYTES);
    refuseAfter(this.#devices.take(request.device, cost));
    refuseAfter(this.#addresses.take(request.address, cost));
  }

  /** Before a commit that replaces another (docs/protocol.md §5.4). Throws `rate-limited`. */
  admitReplacement(device: string, room: string): void {
    refuseAfter(this.#replacements.take(`${device} ${room}`, 1));
  }

  /** Frees what nobody needs. To be called now and then. */
  forgetIdle(): void {
    for (const buckets of [this.#attempts, this.#devices, this.#addresses, this.#replacements])
      buckets.forgetFull();
  }
}

function refuseAfter(retryAfterMs: number): void {
  if (retryAfterMs > 0) throw new ProtocolError("rate-limited", "", { retryAfterMs });
}
