// The quorum rule of C2SP tlog-policy (https://c2sp.org/tlog-policy), and how many liars and absentees it bears.

import { TlogError } from "./errors.ts";
import type { NoteVerifier } from "./note-key.ts";

/** A witness named in a policy. */
export interface PolicyWitness {
  readonly kind: "witness";
  /** The policy's own name for it; for display and nothing else. */
  readonly name: string;
  readonly verifier: NoteVerifier;
  readonly url?: string;
}

/** At least `threshold` of `members` must have witnessed. No witness is in a quorum twice. */
export interface PolicyGroup {
  readonly kind: "group";
  readonly name: string;
  readonly threshold: number;
  readonly members: readonly QuorumRule[];
}

/** `quorum none`: no cosignature needed. */
export interface NoQuorum {
  readonly kind: "none";
}

/** A witness or a group, as a group's member. */
export type QuorumRule = PolicyWitness | PolicyGroup;

/** What a quorum withstands. */
export interface QuorumStrength {
  /** Fewest dishonest witnesses with whose help two different trees can both meet the quorum; 0: none needed. */
  readonly liarsForFork: number;
  /** Most witnesses that may be away, whichever they are, with the quorum still reachable. */
  readonly spareWitnesses: number;
}

/** True when the witnesses in `cosigned` meet the rule. */
export function isQuorumMet(rule: QuorumRule | NoQuorum, cosigned: ReadonlySet<PolicyWitness>): boolean {
  switch (rule.kind) {
    case "none":
      return true;
    case "witness":
      return cosigned.has(rule);
    case "group":
      return rule.members.filter((member) => isQuorumMet(member, cosigned)).length >= rule.threshold;
  }
}

/**
 * How many liars and absentees a quorum bears. For `k` of `n` witnesses a fork needs two sets of `k`, which share at
 * least 2k - n, and only a liar can be in both; so k ≤ n/2 needs no liar at all.
 */
export function measureQuorum(rule: QuorumRule | NoQuorum): QuorumStrength {
  if (rule.kind === "none") return { liarsForFork: 0, spareWitnesses: 0 };
  return { liarsForFork: smallestOverlap(rule), spareWitnesses: smallestBlockade(rule) - 1 };
}

/**
 * Refuses a quorum that two honest halves can meet for two different trees: `none`, `any`, 1 of 2, every k ≤ n/2
 * that another group does not make good. Throws `weak-quorum`; returns the measured strength otherwise.
 */
export function requireMajority(rule: QuorumRule | NoQuorum): QuorumStrength {
  const strength = measureQuorum(rule);
  if (strength.liarsForFork > 0) return strength;
  throw new TlogError("weak-quorum", "two forks of the log can meet this quorum without a dishonest witness");
}

function smallestOverlap(rule: QuorumRule): number {
  if (rule.kind === "witness") return 1;
  const shared = Math.max(0, 2 * rule.threshold - rule.members.length);
  return sumOfSmallest(rule.members.map(smallestOverlap), shared);
}

/** Fewest witnesses without which the rule cannot be met. */
function smallestBlockade(rule: QuorumRule): number {
  if (rule.kind === "witness") return 1;
  return sumOfSmallest(rule.members.map(smallestBlockade), rule.members.length - rule.threshold + 1);
}

function sumOfSmallest(values: readonly number[], count: number): number {
  return values
    .toSorted((a, b) => a - b)
    .slice(0, count)
    .reduce((sum, value) => sum + value, 0);
}
