/**
 * What can go wrong in the MLS engine.
 *
 * - `malformed`: not an MLS message, or not in its one canonical encoding
 * - `unsupported`: valid MLS outside our profile
 * - `wrong-group`: meant for another group
 * - `wrong-epoch`: from an epoch that can no longer be read, or a commit or proposal from a former one
 * - `future-epoch`: from an epoch this group has not reached
 * - `replayed`: its keys are used up: read before, sent by ourselves, or overtaken by a later message of its sender
 * - `gap`: too many of the sender's messages are missing before it
 * - `unauthenticated`: a signature, tag, ciphertext or credential does not hold
 * - `unauthorised`: the caller's role rules refused the commit
 * - `invalid`: breaks a rule of RFC 9420
 * - `removed`: this device is no longer a member
 * - `pending-proposals`: a commit must come first
 * - `not-for-us`: the Welcome has no secret for the key package
 * - `corrupt`: stored bytes are incomplete or not ours
 * - `spent`: a group that was already replaced by a settled step
 * - `internal`: a fault of ours or of the library
 */
export type MlsErrorCode =
  | "malformed"
  | "unsupported"
  | "wrong-group"
  | "wrong-epoch"
  | "future-epoch"
  | "replayed"
  | "gap"
  | "unauthenticated"
  | "unauthorised"
  | "invalid"
  | "removed"
  | "pending-proposals"
  | "not-for-us"
  | "corrupt"
  | "spent"
  | "internal";

/** Data that goes with some codes. */
export interface MlsErrorDetails {
  /** With `wrong-epoch` and `future-epoch`. */
  readonly messageEpoch?: bigint;
  readonly groupEpoch?: bigint;
  readonly cause?: unknown;
}

const RETRYABLE: ReadonlySet<MlsErrorCode> = new Set(["future-epoch", "pending-proposals"]);

/** The only error that leaves the engine. `retryable`: the same call can succeed once the group has moved on. */
export class MlsError extends Error {
  override readonly name = "MlsError";
  readonly code: MlsErrorCode;
  readonly retryable: boolean;
  readonly messageEpoch: bigint | undefined;
  readonly groupEpoch: bigint | undefined;

  constructor(code: MlsErrorCode, message: string, details: MlsErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = RETRYABLE.has(code);
    this.messageEpoch = details.messageEpoch;
    this.groupEpoch = details.groupEpoch;
  }
}
