/**
 * Why the relay refused a request, or why a frame could not be read. The set is closed: a new code is a new
 * protocol version (docs/protocol.md §7).
 */
export const ERROR_CODES = [
  /** The bytes are not a frame of this protocol. The connection is closed. */
  "malformed",
  /** Larger than a limit of {@link LIMITS}. */
  "too-large",
  /** Not logged in, or the proof does not hold. */
  "unauthenticated",
  /** Logged in, but not allowed to do this: not on the room's roster, account disabled. */
  "forbidden",
  /** No such room, account, invite or key package; also what a stranger is told of a room that exists. */
  "not-found",
  /** Another commit took this epoch. Data: `winnerSeq`, `epoch`. Catch up to it and try again. */
  "epoch-conflict",
  /** The message was made for an epoch that is over. Data: `epoch` (the room's). Catch up and encrypt again. */
  "stale-epoch",
  /** The identifier is in use: a room id, an invite id. */
  "already-exists",
  /** The name belongs to another account, or was released less than 30 days ago. */
  "name-taken",
  /** The name is not 1 to 32 of `[a-z0-9._-]`. */
  "name-invalid",
  /** The invite is unknown, used up or expired. */
  "invite-invalid",
  /** This relay takes no registrations. */
  "registration-closed",
  /** A chain entry does not follow from what the relay holds. */
  "chain-invalid",
  /** Too many requests. Data: `retryAfterMs`. */
  "rate-limited",
  /** The relay cannot write: its disk is full or read-only. Nothing was stored. */
  "storage-unavailable",
  /** The relay is stopping. Connect again later. */
  "shutting-down",
  /** A fault of the relay. Never carries detail. */
  "internal",
  /** The operator has set a limit to what the account (of the sender, or of an inbox) may store, and it is reached. */
  "over-quota",
] as const;

/** One of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Numbers that go with some codes; see {@link ERROR_CODES}. Absent numbers are 0 on the wire. */
export interface ErrorData {
  readonly winnerSeq?: number;
  readonly epoch?: number;
  readonly retryAfterMs?: number;
}

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  "epoch-conflict",
  "stale-epoch",
  "rate-limited",
  "storage-unavailable",
  "shutting-down",
  "internal",
]);

/** The one error of this package, and the one the wire carries. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ErrorCode;
  readonly data: ErrorData;

  /** @param detail for a person who reads a log; never sent, never user data. */
  constructor(code: ErrorCode, detail = "", data: ErrorData = {}) {
    super(detail ? `${code}: ${detail}` : code);
    this.code = code;
    this.data = data;
  }

  /** Whether the same request may succeed later without a person's doing. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}
