/**
 * Why something about identity is not believed. The set is closed; each code says what a person or a program can do
 * differently, the `data` of the error says where it happened.
 */
export const TRUST_ERROR_CODES = [
  /** The bytes or the text are not an encoding of what was expected. */
  "malformed",
  /** The chain has no entries, or its first entry is not a genesis. */
  "chain-genesis",
  /** An entry belongs to another chain. Data: `seq`. */
  "chain-subject",
  /** An entry is out of place: a gap, a repetition, an old entry played again. Data: `seq`. */
  "chain-seq",
  /** `prev` is not the hash of the entry before. Data: `seq`. */
  "chain-prev",
  /** An entry is older than the one before it, or from the future. Data: `seq`. */
  "chain-time",
  /** A signature that the entry's type asks for is missing, extra or wrong. Data: `seq`. */
  "chain-signature",
  /** The signer is known but may not do this: revoked, not an admin, not the committed key. Data: `seq`. */
  "chain-authority",
  /** The entry's type has no place in this kind of chain. Data: `seq`. */
  "chain-type",
  /** A device number or key that is unknown, already used or already revoked. Data: `seq`, `device`. */
  "chain-device",
  /** More live devices than an account may have. Data: `seq`. */
  "chain-device-limit",
  /** The account is closed, contested or waits for a recovery to take effect. Data: `seq`. */
  "chain-frozen",
  /** The name and its opening do not give the commitment in the chain. */
  "name-mismatch",
  /** The chain is another server's. */
  "server-changed",
  /** The chain parts from the remembered one after a common beginning. */
  "server-forked",
  /** The chain or the restore generation ends before what is remembered. */
  "server-rolled-back",
  /** The statement is not signed by the chain's identity key or a key it certified. */
  "statement-signature",
  /** The statement speaks of another server. */
  "statement-server",
  /** The statement does not name the host that was dialled. */
  "statement-host-mismatch",
  /** The TLS key on the wire is not in the statement: somebody stands between, or the operator forgot to list it. */
  "statement-tls-mismatch",
  /** The statement, or the certificate of its session key, is over. */
  "statement-expired",
  /** The statement, or the certificate of its session key, is not yet valid: check the clock. */
  "statement-not-yet-valid",
  /** Not a leaf credential of a device of this account. */
  "credential-invalid",
  /** Not an invite link. */
  "invite-malformed",
  /** The end of the link is missing. */
  "invite-cut-off",
  /** The invite's time is over. */
  "invite-expired",
  /** Not 24 recovery words. Data: `word` (from 1) when one is not in the list. */
  "words-invalid",
  /** Not a code of 30 digits. */
  "code-invalid",
  /** Not a rule of the policy language, or not a policy file. Data: `line`, `column`. */
  "policy-syntax",
  /** A word that no rule knows, or that this rule must not lean on. Data: `line`, `column`. */
  "policy-atom",
  /** Not a short code: a number and three words. Data: `word` (from 1) when one is not in the list. */
  "short-code-invalid",
  /** A vouch whose signature or issuing device does not hold. */
  "vouch-signature",
  /** A vouch that lasts longer than a year, or ends before it begins. */
  "vouch-lifetime",
  /** A vouch for somebody whom its issuer has not checked. */
  "vouch-unchecked",
  /** Not a trust file. Data: `line` where one line is to blame. */
  "trust-file-malformed",
  /** Nobody who may ship this trust file has signed it. */
  "trust-file-signature",
  /** The trust file is over, or older than one taken before. */
  "trust-file-stale",
  /** The secret was wiped. */
  "secret-wiped",
] as const;

/** One of {@link TRUST_ERROR_CODES}. */
export type TrustErrorCode = (typeof TRUST_ERROR_CODES)[number];

/** Places that go with some codes. Never secrets, never user text. */
export interface TrustErrorData {
  /** The chain entry's number, from 0. */
  readonly seq?: number;
  /** The device's number, from 1. */
  readonly device?: number;
  /** The place of a recovery word or of a short code's word, from 1. */
  readonly word?: number;
  /** Line of a file, from 1. */
  readonly line?: number;
  /** Column in that line, or place in a rule, from 1. */
  readonly column?: number;
}

/** The error of the identity half of this package. */
export class TrustError extends Error {
  override readonly name = "TrustError";
  readonly code: TrustErrorCode;
  readonly data: TrustErrorData;

  /** @param detail for a person who reads a log; never user data, never a secret. */
  constructor(code: TrustErrorCode, detail = "", data: TrustErrorData = {}) {
    super(detail ? `${code}: ${detail}` : code);
    this.code = code;
    this.data = data;
  }

  /** Whether asking the same peer again may succeed without a person's doing: a statement that is about to be renewed. */
  get retryable(): boolean {
    return this.code === "statement-expired" || this.code === "statement-not-yet-valid";
  }
}
