import type { MarkState } from "@parley/trust";

/** What is known of a person now, derived from statements, vouches and the log at this moment. All texts are safe to print. */
export interface PersonTrust {
  /** Account id, lower-case hex. */
  readonly account: string;
  readonly name: string;
  /** `checked` only ever means: by the user of this client (trust.md §0.6). */
  readonly state: MarkState;
  /** Why, the most important first, each one clause: "checked by you on 24 November 2026 (by emoji, voice)". */
  readonly why: readonly string[];
  /** Whether the user lets this person introduce others. */
  readonly introducer: boolean;
  /** Names that this one could be taken for, each one clause: "looks like bob". */
  readonly nameWarnings: readonly string[];
}

/** One of the seven pictures of a comparison. */
export interface ComparisonEmoji {
  readonly emoji: string;
  /** To be read out. */
  readonly name: string;
}

/** How a comparison of emoji with one person stands. The last one stays readable when it is over. */
export type Comparison =
  /** They ask; {@link People.compare} agrees. */
  | { readonly phase: "asked" }
  /** Waits for the other side. */
  | { readonly phase: "waiting" }
  /** Show the pictures, compare aloud, then {@link People.answer}. */
  | { readonly phase: "comparing"; readonly emoji: readonly ComparisonEmoji[] }
  /** The user has confirmed, the other side not yet. */
  | { readonly phase: "confirming" }
  /** Both have confirmed: they are checked. */
  | { readonly phase: "done" }
  /** Over without result; `reason` is a clause. */
  | { readonly phase: "ended"; readonly reason: string };

/** How the two talked while they compared. */
export type ComparisonRoad = "voice" | "video";

/** Longest time that a comparison may take. */
export const COMPARISON_MS = 10 * 60 * 1000;
/** How long a vouch is good for when nothing else is said. */
export const VOUCH_MS = 180 * 24 * 60 * 60 * 1000;
/** How many checked introducers have to vouch for a person before the words "introduced by" are used. */
export const INTRODUCERS_NEEDED = 2;

/**
 * Who other people are, and how the user makes sure of it (trust.md §A1, §C). Names are those of accounts. Every method
 * that takes one throws ChatError `no-such-person`, `offline` or `refused`.
 */
export interface People {
  /** Everybody that this client has met, by name. Works without the relay. */
  all(): Promise<readonly PersonTrust[]>;
  explain(name: string): Promise<PersonTrust>;
  /** Remarks on the members of a room by account id, where there are any: look-alike names, checks that are over. */
  remarks(room: string): ReadonlyMap<string, readonly string[]>;

  /** 60 digits in twelve groups, the same at both people. */
  safetyNumber(name: string): Promise<string>;
  /** Compares digits that the other person read out; marks them as checked when they are the same. Throws also `wrong-words` for what is no such number. */
  checkNumber(name: string, digits: string): Promise<boolean>;
  /** 30 digits in six groups that all members of a room read alike, when they have the same member list. */
  roomCode(room: string): string;

  /** Asks for a comparison of emoji through the direct room with the person, or agrees to theirs. */
  compare(name: string): Promise<void>;
  /** Whether the pictures were the same. Throws also `not-allowed` when there is nothing to compare. */
  answer(name: string, isSame: boolean, road: ComparisonRoad): Promise<void>;
  cancelComparison(name: string): Promise<void>;
  /** Undefined when there was none since the start. */
  comparison(name: string): Comparison | undefined;

  /** Takes the user's own check back, and the vouch that may rest on it. */
  forget(name: string): Promise<void>;
  /** Whether what this person vouches for counts; only while they are checked. Throws also `not-allowed` when they are not. */
  setIntroducer(name: string, counts: boolean): Promise<void>;
  /** Tells a room that the user has checked this person. Throws also `not-allowed` when they have not. */
  vouch(name: string, options: { readonly room: string; readonly lifetimeMs?: number }): Promise<void>;
  /** Takes the vouch back in every room that was told of it. */
  endVouch(name: string): Promise<void>;
}
