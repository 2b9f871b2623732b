import { dateText } from "./calendar.ts";
import type { CheckMethod, Standing } from "./statement-ledger.ts";

/**
 * The three states that are ever shown. `checked`, the one green word, means that the user checked, and nothing else
 * (trust.md §0, decision 6); `warning` asks to look; all others are `known`, without colour or glyph.
 */
export const MARK_STATES = ["checked", "known", "warning"] as const;
/** One of {@link MARK_STATES}. */
export type MarkState = (typeof MARK_STATES)[number];

/** How the person's chain stands in the log. */
export type LogStanding =
  | { readonly kind: "cosigned"; readonly witnesses: number; readonly of: number }
  /** In the log as this client sees it; no witness is set. */
  | { readonly kind: "included" }
  /** Not cosigned by enough witnesses: new keys wait. */
  | { readonly kind: "waiting"; readonly witnesses: number; readonly of: number }
  | { readonly kind: "missing" };

/** What is known of a person. All texts are already cleaned. */
export interface PersonFacts {
  readonly standing: Standing;
  /** As `vouchFacts` words them: `Ana (voice, May)`. */
  readonly introductions: readonly string[];
  /** Names of certifiers whose certificate holds. */
  readonly certifiers: readonly string[];
  readonly log: LogStanding;
  readonly status: "open" | "contested" | "closed";
}

/** What is shown of a person: one state, and why, the most important first. Never more than the facts. */
export interface PersonMark {
  readonly state: MarkState;
  readonly why: readonly string[];
}

/** @returns the mark, derived from the facts alone. Bad news comes first and takes the green word away. */
export function personMark(facts: PersonFacts): PersonMark {
  const warnings = warningsOf(facts);
  const good = goodNewsOf(facts);
  if (warnings.length > 0) return { state: "warning", why: [...warnings, ...good] };
  return { state: facts.standing.check ? "checked" : "known", why: good.length > 0 ? good : ["not checked"] };
}

function warningsOf({ standing, status, log }: PersonFacts): readonly string[] {
  const warnings: string[] = [];
  if (standing.distrusted) warnings.push("distrusted by you");
  if (status === "contested") warnings.push("account contested: check in person");
  if (status === "closed") warnings.push("account closed");
  const { voidedCheck } = standing;
  if (voidedCheck) warnings.push(`was checked, key recovered on ${dateText(voidedCheck.recoveredAtMs)}`);
  if (log.kind === "missing") warnings.push("not in the log");
  return warnings;
}

const METHOD_WORDS: Readonly<Record<CheckMethod, string>> = {
  invite: "by invite",
  code: "by short code",
  qr: "by QR code",
  "sas-voice": "by emoji, voice",
  "sas-video": "by emoji, video",
  digits: "by number",
  manual: "by key file",
};

function goodNewsOf({ standing, introductions, certifiers, log }: PersonFacts): readonly string[] {
  const { check } = standing;
  return [
    ...(check && !standing.distrusted
      ? [`checked by you on ${dateText(check.atMs)} (${METHOD_WORDS[check.method]})`]
      : []),
    ...(introductions.length > 0 ? [`introduced by ${enumerated(introductions)}`] : []),
    ...(certifiers.length > 0 ? [`certified by ${enumerated(certifiers)}`] : []),
    ...logWords(log),
  ];
}

function logWords(log: LogStanding): readonly string[] {
  switch (log.kind) {
    case "cosigned":
      return [`in the log, ${log.witnesses} of ${log.of} witnesses`];
    case "included":
      return ["in the log, no witness set"];
    case "waiting":
      return [`waits for witnesses, ${log.witnesses} of ${log.of}`];
    case "missing":
      return [];
  }
}

function enumerated(names: readonly string[]): string {
  const [last = "", ...before] = names.toReversed();
  return before.length === 0 ? last : `${before.toReversed().join(", ")} and ${last}`;
}
