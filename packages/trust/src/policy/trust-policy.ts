import type { AtomName, Expression } from "./expression.ts";
import { allOf, replaceAtom } from "./expression.ts";
import { parseExpression } from "./expression-parser.ts";

/** The rules, by the names they have in a policy file: section, dot, key. */
export const RULE_NAMES = ["server.first", "server.change", "user.talk", "user.checked"] as const;
/** One of {@link RULE_NAMES}. */
export type RuleName = (typeof RULE_NAMES)[number];

/** What can speak for a server at a first contact. */
export const FIRST_CONTACT_ATOMS = [
  "pin",
  "invite",
  "code",
  "manual",
  "opaque",
  "ca",
  "ledger",
  "vouch",
] as const satisfies readonly AtomName[];

/**
 * What each rule may lean on. A certificate or a log never replaces a pin; what the user has not done never makes
 * "checked"; `included` never counts at a first contact.
 */
export const RULE_ATOMS: Readonly<Record<RuleName, readonly AtomName[]>> = {
  "server.first": FIRST_CONTACT_ATOMS,
  "server.change": ["chain", "recovery"],
  "user.talk": [
    "chain",
    "checked",
    "invite",
    "code",
    "qr",
    "sas",
    "manual",
    "included",
    "ledger",
    "ca",
    "vouch",
  ],
  "user.checked": ["invite", "code", "qr", "sas", "manual"],
};

/** When a server is met, when a person may be talked to (trust.md, Policy). Combined by {@link meet}. */
export interface TrustPolicy {
  readonly rules: Readonly<Record<RuleName, Expression>>;
  readonly ledger: LedgerPolicy;
}

/** How the log is looked at. */
export interface LedgerPolicy {
  /** File of the C2SP tlog-policy; absent: no witness is set. */
  readonly file?: string;
  /** Age of the newest cosigned checkpoint, by the witnesses' clocks, from which the user is warned. */
  readonly warnAfterMs: number;
  /** Age from which new keys are refused. */
  readonly refuseAfterMs: number;
}

const HOUR_MS = 60 * 60 * 1000;
const FRESHNESS: LedgerPolicy = { warnAfterMs: 24 * HOUR_MS, refuseAfterMs: 7 * 24 * HOUR_MS };

type RuleTexts = Readonly<Record<RuleName, string>>;
const FRIENDS: RuleTexts = {
  "server.first": "invite | code | manual | opaque | (ca & ledger) | (ca & vouch(1)) | vouch(2)",
  "server.change": "chain | recovery",
  "user.talk": "chain & ledger",
  "user.checked": "invite | code | qr | sas | manual",
};

function preset(changes: Partial<RuleTexts>): TrustPolicy {
  const texts = { ...FRIENDS, ...changes };
  const rules = Object.fromEntries(
    RULE_NAMES.map((name) => [name, parseExpression(texts[name], RULE_ATOMS[name])]),
  ) as Record<RuleName, Expression>;
  return { rules, ledger: FRESHNESS };
}

/** The policies that come with Parley, by name; `friends` is the default. */
export const PRESETS = {
  friends: preset({}),
  strict: preset({ "server.first": "invite | code | manual", "user.talk": "chain & checked & ledger" }),
  /** A closed network without witnesses. */
  lan: preset({ "user.talk": "chain & included" }),
} as const;
/** The name of one of {@link PRESETS}. */
export type PresetName = keyof typeof PRESETS;
/** The names of {@link PRESETS}. */
export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[];

/** What a room asks of everybody in it: rules about people only. A rule that is absent asks nothing. */
export type RoomFloor = Partial<Readonly<Record<Extract<RuleName, `user.${string}`>, Expression>>>;

/** @returns the policy that is met only when both are: rule by rule, and the shorter freshness. */
export function meet(a: TrustPolicy, b: TrustPolicy): TrustPolicy {
  const rules = Object.fromEntries(
    RULE_NAMES.map((name) => [name, allOf([a.rules[name], b.rules[name]])]),
  ) as Record<RuleName, Expression>;
  const file = a.ledger.file ?? b.ledger.file;
  return {
    rules,
    ledger: {
      warnAfterMs: Math.min(a.ledger.warnAfterMs, b.ledger.warnAfterMs),
      refuseAfterMs: Math.min(a.ledger.refuseAfterMs, b.ledger.refuseAfterMs),
      ...(file !== undefined && { file }),
    },
  };
}

/** @returns a member's own policy under a room's floor: stricter than both, laxer than neither. */
export function underFloor(own: TrustPolicy, floor: RoomFloor): TrustPolicy {
  const talk = floor["user.talk"] ?? own.rules["user.talk"];
  const checked = floor["user.checked"] ?? own.rules["user.checked"];
  return meet(own, { ...own, rules: { ...own.rules, "user.talk": talk, "user.checked": checked } });
}

/**
 * @returns the rule for putting somebody into a group. Until the user has set a witness, `included` stands in for
 *   `ledger`, which nobody could meet.
 */
export function talkRule(policy: TrustPolicy, witnesses: "set" | "none"): Expression {
  const rule = policy.rules["user.talk"];
  return witnesses === "set" ? rule : replaceAtom(rule, "ledger", "included");
}
