import type { Atom, AtomName, Expression } from "./expression.ts";
import { formatExpression } from "./expression.ts";

/** One thing that speaks for a server or a person. */
export interface Fact {
  readonly kind: AtomName;
  /**
   * From whom, as a key to tell sources apart: the introducer's account id in hex, the certifier's name in the user's
   * trust file. `detail` stands in for it when absent.
   */
  readonly by?: string;
  /** For people; already cleaned text. */
  readonly detail: string;
}

/** What no evidence outweighs and no policy lowers. */
export const FLOOR_BREACHES = [
  /** The user, or a device of theirs, distrusts the subject. */
  "distrusted",
  /** A key that does not follow from the remembered chain. */
  "chain-break",
  /** Two views of one log that cannot both be true. */
  "log-inconsistent",
  /** A log, a chain or a restore generation that ends before what is remembered. */
  "rollback",
] as const;
/** One of {@link FLOOR_BREACHES}. */
export type FloorBreach = (typeof FLOOR_BREACHES)[number];

/** A rule with, for each part, whether it holds and what for. */
export type Explanation =
  | {
      readonly kind: "atom";
      readonly atom: Atom;
      readonly holds: boolean;
      /** The facts that speak for it, enough of them or not. */
      readonly facts: readonly Fact[];
      /** For people: why it does not hold. Empty when it does. */
      readonly missing: string;
    }
  | {
      readonly kind: "any" | "all" | "k-of";
      /** How many of the members must hold. */
      readonly needed: number;
      readonly holds: boolean;
      readonly of: readonly Explanation[];
    };

/** The outcome of a rule over the floor. */
export interface Decision {
  /** Whether the rule holds and the floor is whole. */
  readonly isMet: boolean;
  /** Not empty: the answer is no, whatever `explanation` says. */
  readonly breaches: readonly FloorBreach[];
  readonly explanation: Explanation;
}

/** Weighs `facts` by `rule`, after the floor: any breach makes it a no. */
export function decide(
  rule: Expression,
  facts: readonly Fact[],
  breaches: Iterable<FloorBreach> = [],
): Decision {
  const explanation = explain(rule, facts);
  const present = new Set(breaches);
  const broken = FLOOR_BREACHES.filter((breach) => present.has(breach));
  return { isMet: broken.length === 0 && explanation.holds, breaches: broken, explanation };
}

/** Weighs `facts` by `rule` alone. Use {@link decide} for an answer: it keeps the floor. */
export function explain(rule: Expression, facts: readonly Fact[]): Explanation {
  if (rule.kind === "atom") return explainAtom(rule, facts);
  const of = rule.of.map((member) => explain(member, facts));
  const needed = rule.kind === "k-of" ? rule.count : rule.kind === "any" ? 1 : of.length;
  return { kind: rule.kind, needed, holds: of.filter(({ holds }) => holds).length >= needed, of };
}

function explainAtom(atom: Atom, facts: readonly Fact[]): Explanation {
  const own = facts.filter((fact) => speaksFor(fact, atom));
  const count = atom.name === "vouch" ? atom.count : 1;
  const found = atom.name === "vouch" ? new Set(own.map(sourceOf)).size : own.length;
  const holds = found >= count;
  return { kind: "atom", atom, holds, facts: own, missing: holds ? "" : missingText(atom, found) };
}

function speaksFor(fact: Fact, atom: Atom): boolean {
  if (atom.name === "ca" && atom.certifier !== undefined)
    return fact.kind === "ca" && sourceOf(fact) === atom.certifier;
  // What the witnesses cosign is in the log as this client has seen it.
  return fact.kind === atom.name || (atom.name === "included" && fact.kind === "ledger");
}

function sourceOf({ by, detail }: Fact): string {
  return by ?? detail;
}

const MISSING: Readonly<Record<Exclude<AtomName, "ca" | "vouch">, string>> = {
  chain: "its keys do not follow from what is remembered",
  recovery: "not recovered with its recovery key",
  pin: "not met before",
  invite: "no invite of it was used",
  code: "no code of it was typed in",
  qr: "no QR code of it was scanned",
  sas: "no emoji were compared",
  manual: "you have not entered its key",
  opaque: "no password login with it",
  checked: "not checked by you",
  included: "not in the log",
  ledger: "no witness of yours knows it",
};

function missingText(atom: Atom, found: number): string {
  if (atom.name === "ca") {
    return atom.certifier === undefined ? "no certificate" : `no certificate by ${atom.certifier}`;
  }
  if (atom.name !== "vouch") return MISSING[atom.name];
  if (found === 0) return "nobody you have checked vouches for it";
  return `${found} of ${atom.count} introducers vouch for it`;
}

/** @returns the rule that an explanation explains, as text. */
function ruleText(explanation: Explanation): string {
  return formatExpression(ruleOf(explanation));
}

function ruleOf(explanation: Explanation): Expression {
  if (explanation.kind === "atom") return explanation.atom;
  const of = explanation.of.map(ruleOf);
  return explanation.kind === "k-of"
    ? { kind: "k-of", count: explanation.needed, of }
    : { kind: explanation.kind, of };
}

/** @returns the first alternative that is met, as in `(ca & ledger)`: what `rememberedText` names. Empty when none is. */
export function metPart(explanation: Explanation): string {
  if (!explanation.holds) return "";
  const part = explanation.kind === "any" ? explanation.of.find(({ holds }) => holds) : explanation;
  if (!part) return "";
  return part.kind === "any" || part.kind === "all" ? `(${ruleText(part)})` : ruleText(part);
}

const BREACH_TEXTS: Readonly<Record<FloorBreach, string>> = {
  distrusted: "you distrust it",
  "chain-break": "its keys do not follow from what is remembered",
  "log-inconsistent": "the log contradicts itself",
  rollback: "it shows a state older than what is remembered",
};

const INDENT = "  ";

/** The tree of `parley trust explain`: one line for each part, `ok` or `--` before it. */
export function decisionText({ breaches, explanation }: Decision): string {
  const floor = breaches.map((breach) => `STOP ${BREACH_TEXTS[breach]}`);
  return [...floor, ...explanationLines(explanation, "")].join("\n");
}

function explanationLines(explanation: Explanation, indent: string): readonly string[] {
  const mark = explanation.holds ? "ok" : "--";
  if (explanation.kind === "atom") {
    const { atom, facts, missing } = explanation;
    const details = [...facts.map(({ detail }) => detail), missing].filter((text) => text !== "");
    return [
      `${indent}${mark} ${formatExpression(atom)}${details.length > 0 ? `: ${details.join("; ")}` : ""}`,
    ];
  }
  const head = { any: "any of", all: "all of", "k-of": `${explanation.needed} of` }[explanation.kind];
  return [
    `${indent}${mark} ${head}`,
    ...explanation.of.flatMap((member) => explanationLines(member, indent + INDENT)),
  ];
}
