import { firstContactPolicy } from "./policy/first-contact-policy.ts";
import { PRESETS } from "./policy/trust-policy.ts";

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
  /** Tells sources of one kind apart: the introducer's account id in hex, the certifier's name. `detail` when absent. */
  readonly by?: string;
  /** For people: who certifies, which log. Empty when the kind says it all. */
  readonly detail: string;
}

/**
 * When a server that is met for the first time is met. Must be monotone: more evidence never turns a yes into a no.
 * `held` lists the evidence, one item for each introducer. The floor (valid chain, valid statement, no contradiction)
 * is not a policy's to lower: it is checked before. See {@link firstContactPolicy}.
 */
export type FirstContactPolicy = (
  has: (kind: EvidenceKind) => boolean,
  held?: readonly Evidence[],
) => boolean;

/** Rule `server.first` of the preset `friends`. */
export const friendsPolicy: FirstContactPolicy = firstContactPolicy(PRESETS.friends.rules["server.first"]);

/** Rule `server.first` of the preset `strict`. */
export const strictPolicy: FirstContactPolicy = firstContactPolicy(PRESETS.strict.rules["server.first"]);
