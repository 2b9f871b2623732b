import type { RequestKind } from "@parley/protocol";
import { LIMITS } from "@parley/protocol";
import type { Rate } from "./token-bucket.ts";

/** What one client, or all clients of one address, may use of a relay. Sizes of things are in the protocol's `LIMITS`. */
export interface RelayLimits {
  /** Open connections of one address ({@link addressKey}). */
  readonly connectionsPerAddress: number;
  /** Of these, connections that have not logged in. */
  readonly strangersPerAddress: number;
  /** How long a connection may stay without logging in. */
  readonly loginMs: number;
  /** Failed logins, and registrations, of one address. */
  readonly attemptsPerAddress: Rate;
  /** Costs of {@link REQUEST_COSTS}, for one device and for all of one address. */
  readonly requestsPerDevice: Rate;
  readonly requestsPerAddress: Rate;
  /** Requests of one connection that are being worked on; the next ones wait unread. */
  readonly requestsInFlight: number;
  /** Deliveries that wait for one slow connection; above, it is told that it lags. */
  readonly outboxBytes: number;
  /** Time between pings; a connection that is silent for so long after one is dropped. */
  readonly pingPeriodMs: number;
  /** How long a stopping relay waits for what is under way. */
  readonly drainMs: number;
}

/** Generous for people, narrow for programs that try things out. */
export const DEFAULT_LIMITS: RelayLimits = {
  connectionsPerAddress: 512,
  strangersPerAddress: 64,
  loginMs: 10_000,
  attemptsPerAddress: { burst: 20, perSecond: 0.2 },
  requestsPerDevice: { burst: 1000, perSecond: 100 },
  requestsPerAddress: { burst: 5000, perSecond: 1000 },
  requestsInFlight: 256,
  outboxBytes: 4 * 1024 * 1024,
  pingPeriodMs: 30_000,
  drainMs: 10_000,
};

/** What each request costs, beside one for each {@link COST_BYTES} of its frame. 0: counted as an attempt. */
export const REQUEST_COSTS: Readonly<Record<RequestKind, number>> = {
  authenticate: 0,
  register: 0,
  "look-up": 5,
  "put-key-packages": 10,
  "claim-key-packages": 20,
  "create-room": 20,
  append: 1,
  commit: 10,
  "list-rooms": 5,
  resume: 10,
  "acknowledge-inbox": 1,
  "post-inbox": 10,
  "room-state": 20,
  "create-invite": 20,
  ping: 1,
  "log-entries": 5,
  "repair-log": 50,
  "append-account-entry": 20,
};

/** See {@link REQUEST_COSTS}. */
export const COST_BYTES = 32 * 1024;

const KIB = 1024;

/** Room that the answer to each request may need; a connection is not worked for when its outbox has none. */
export const ANSWER_BYTES: Readonly<Record<RequestKind, number>> = {
  authenticate: KIB,
  register: KIB,
  "look-up": 64 * KIB,
  "put-key-packages": KIB,
  "claim-key-packages": LIMITS.devicesPerAccount * LIMITS.keyPackageBytes,
  "create-room": KIB,
  append: KIB,
  commit: KIB,
  "list-rooms": 128 * KIB,
  resume: 128 * KIB,
  "acknowledge-inbox": KIB,
  "post-inbox": KIB,
  "room-state": LIMITS.treeBytes,
  "create-invite": KIB,
  ping: KIB,
  "repair-log": KIB,
  "append-account-entry": KIB,
  "log-entries": LIMITS.logAnswerBytes + LIMITS.chainEntryBytes + LIMITS.checkpointBytes,
};
