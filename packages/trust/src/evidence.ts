/** What speaks for a server's being the one that is meant (trust.md §0 decision 4, §A). */
export const EVIDENCE_KINDS = [
  /** Its chain follows from the remembered one. */
  "pin",
  /** An invite link names it. */
  "invite",
  /** Somebody read its 30 digits out, and they were typed in. */
  "code",
  /** A file of keys that the user added names it. */
  "manual",
  /** The user's password login only works with it (RFC 9807). */
  "opaque",
  /** A certificate authority vouches for the host's TLS key. */
  "ca",
  /** Its chain is in a log that the user's witnesses cosign. */
  "ledger",
  /** Somebody whom the user has checked and lets introduce vouches for it. */
  "vouch",
  /** The user typed the host again with an exclamation mark: no evidence, a decision. */
  "unchecked",
] as const;
/** One of {@link EVIDENCE_KINDS}. */
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];

/** One thing that speaks for a server. */
export interface Evidence {
  readonly kind: EvidenceKind;
  /** For people: who certifies, which log. Empty when the kind says it all. */
  readonly detail: string;
}

/**
 * When a server that is met for the first time is met. Must be monotone: more evidence never turns a yes into a no.
 * The floor (valid chain, valid statement, no contradiction) is not a policy's to lower: it is checked before.
 */
export type FirstContactPolicy = (has: (kind: EvidenceKind) => boolean) => boolean;

/** The preset `friends`: `invite | code | manual | opaque | (ca & ledger) | (ca & vouch)`. */
export const friendsPolicy: FirstContactPolicy = (has) =>
  has("invite") ||
  has("code") ||
  has("manual") ||
  has("opaque") ||
  (has("ca") && (has("ledger") || has("vouch")));

/** The preset `strict`: `invite | code | manual`. */
export const strictPolicy: FirstContactPolicy = (has) => has("invite") || has("code") || has("manual");
