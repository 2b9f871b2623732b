/**
 * What a client keeps: named collections of keyed values, ordered by key. Small on purpose, so that one driver for
 * SQLite and one for a browser can pass the same suite, and so that values can be encrypted at rest in one place.
 *
 * Keys are short ASCII; their order is the order of their bytes. Values are opaque to the driver.
 */
export interface ClientStore {
  /**
   * Carries out all changes or none, and returns when they are durable. Throws {@link StoreError} and leaves the
   * store as it was when they cannot be; the caller's memory must not run ahead of the store.
   */
  write(changes: readonly StoreChange[]): void;
  /** The value, or undefined. Throws {@link StoreError} when it cannot be read; so does {@link range}. */
  get(collection: Collection, key: string): Uint8Array | undefined;
  /** Pairs of a collection in key order. `from` is inclusive, `below` exclusive. */
  range(collection: Collection, range?: KeyRange): readonly (readonly [key: string, value: Uint8Array])[];
  /** Lets go of the files. Nothing is pending: every write was durable when it returned. */
  close(): void;
}

/** What kinds of things are kept; docs/protocol.md has nothing on them, they never travel. */
export const COLLECTIONS = [
  /** Single values: the account, the inbox cursor. */
  "value",
  /** Remembered servers, by host. */
  "pin",
  /** Accounts met: key chain, name. By account id. */
  "contact",
  /** What the user has said of others: one row for each statement, never changed. By time. */
  "statement",
  /** What others have vouched for, and this account itself: `<issuer>/<subject>`. */
  "vouch",
  /** Private halves of key packages, by reference. */
  "key-package",
  /** One record per room, by room id. */
  "room",
  /** MLS records: `<room>/<engine key>`. */
  "group",
  /** Commit sent and not yet decided: by room id. */
  "pending-commit",
  /** Timeline: `<room>/<seq>.<n>`. */
  "timeline",
  /** When messages go away: `<ms since 1970>/<room>/<timeline key>`. */
  "expiry",
  /** Messages not yet in the log: `<room>/<place>`. */
  "outbox",
  /** Room-log heads: `<room>/<seq>`. */
  "head",
  /** Invitations not yet answered, by id. */
  "invitation",
  /** Invite links this account made, by invite id. */
  "invite-link",
  /** The replica of the server's log: entries by number. */
  "log-entry",
  /** Where that replica ends, and what was found in it. */
  "log-head",
  /** Where in it entries stand, by account and by name; and the hashes of its tree. */
  "log-index",
  /** How the values of this store are sealed: one row, clear itself; none when they are not. */
  "seal",
] as const;
/** One of {@link COLLECTIONS}. */
export type Collection = (typeof COLLECTIONS)[number];

/** One change. `delete-prefix` deletes every key that begins with `prefix`. */
export type StoreChange =
  | {
      readonly kind: "put";
      readonly collection: Collection;
      readonly key: string;
      readonly value: Uint8Array;
    }
  | { readonly kind: "delete"; readonly collection: Collection; readonly key: string }
  | { readonly kind: "delete-prefix"; readonly collection: Collection; readonly prefix: string };

/** Which part of a collection, and how much of it. */
export interface KeyRange {
  readonly from?: string;
  readonly below?: string;
  readonly limit?: number;
  /** Last key first. */
  readonly backwards?: boolean;
}

/** The keys that begin with `prefix`, as a range. */
export function keysUnder(prefix: string): { readonly from: string; readonly below: string } {
  return { from: prefix, below: `${prefix}\u{7f}` };
}

/** Why the store could not be used. */
export type StoreErrorCode =
  /** Disk full, read-only folder, I/O error. Nothing was stored. */
  | "unavailable"
  /** Written by a newer Parley, or damaged. */
  | "unreadable"
  /** Another process holds it. */
  | "in-use"
  /** Sealed with a password, and none was given. */
  | "locked"
  /** Sealed with another password. */
  | "wrong-password";

/** The error of the store; `message` is one sentence for the person, without a full stop. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether the same write may succeed later. */
  get retryable(): boolean {
    return this.code === "unavailable";
  }
}
