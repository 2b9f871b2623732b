import type { AtomName, CheckMethod, Decision, Fact, TrustPolicy } from "@parley/trust";
import { decide, explain, RULE_ATOMS, talkRule } from "@parley/trust";
import { ChatError } from "../chat/chat.ts";
import { displayName } from "../chat/display-text.ts";
import type { Contact } from "../rooms/account-directory.ts";
import type { TrustSettings } from "./trust-settings.ts";
import type { WitnessedLog, WitnessStanding } from "./witnessed-log.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Decides who may be put into a group: the policy's rule `user.talk` (trust.md, Policy). Never asked when a message is read. */
export class Admission {
  readonly #settings: TrustSettings;
  readonly #log: WitnessedLog;
  readonly #nowMs: () => number;
  readonly #checkOf: (account: Uint8Array) => CheckMethod | undefined;

  constructor(options: {
    readonly settings: TrustSettings;
    readonly log: WitnessedLog;
    readonly nowMs: () => number;
    /** How the user has checked this account; undefined: not. */
    readonly checkOf: (account: Uint8Array) => CheckMethod | undefined;
  }) {
    this.#settings = options.settings;
    this.#log = options.log;
    this.#nowMs = options.nowMs;
    this.#checkOf = options.checkOf;
  }

  /** Whether somebody's keys are as the policy wants them. The contact's chain was held against the log already. */
  admits(contact: Contact): boolean {
    return this.explain(contact).isMet;
  }

  /** Why, or why not. */
  explain(contact: Contact, policy: TrustPolicy = this.#settings.policy): Decision {
    const rule = talkRule(policy, this.#settings.witnesses ? "set" : "none");
    return decide(rule, this.#factsOf(contact, policy));
  }

  /** Whether nobody passes without the user's witnesses. */
  get needsWitnesses(): boolean {
    const { witnesses, policy } = this.#settings;
    const rest = RULE_ATOMS["user.talk"].filter((kind) => kind !== "ledger");
    const facts = rest.map((kind) => ({ kind, detail: "" }));
    return witnesses !== undefined && !explain(policy.rules["user.talk"], facts).holds;
  }

  /** Whether the user has checked this person, in a way that the policy takes. */
  isChecked(contact: Contact): boolean {
    return this.#factsOf(contact, this.#settings.policy).some(({ kind }) => kind === "checked");
  }

  /** Throws ChatError `held-back`, with the reason, for somebody whom the policy does not admit yet. */
  require(contact: Contact): void {
    if (this.admits(contact)) return;
    const name = displayName(contact.name);
    const isLedgerMissing = this.needsWitnesses && !this.#hasLedger(contact);
    throw new ChatError(
      "held-back",
      isLedgerMissing
        ? `${name} has to wait: ${waitingText(this.#log.standing, this.#nowMs())}`
        : `${name} has to wait: your policy "${this.#settings.preset}" asks that you check each other first`,
    );
  }

  #factsOf(contact: Contact, policy: TrustPolicy): readonly Fact[] {
    const kinds: AtomName[] = ["chain", "included"];
    if (this.#hasLedger(contact)) kinds.push("ledger");
    const check = this.#checkOf(contact.account);
    const checks = check ? [{ kind: ATOM_OF_CHECK[check], detail: "" }] : [];
    if (explain(policy.rules["user.checked"], checks).holds) kinds.push("checked");
    return [...kinds.map((kind) => ({ kind, detail: "" })), ...checks];
  }

  #hasLedger({ account }: Pick<Contact, "account">): boolean {
    return this.#log.covers(account) || this.#log.knows(account);
  }
}

const ATOM_OF_CHECK: Readonly<Record<CheckMethod, AtomName>> = {
  invite: "invite",
  code: "code",
  qr: "qr",
  "sas-voice": "sas",
  "sas-video": "sas",
  digits: "manual",
  manual: "manual",
};

/** Why a new key is not believed yet, without a full stop. */
function waitingText(standing: WitnessStanding, nowMs: number): string {
  switch (standing.kind) {
    case "unmet":
      return `your witnesses (${standing.quorum}) have not signed this server's log as you see it`;
    case "stale":
      return `your witnesses (${standing.quorum}) last signed this server's log ${daysText(nowMs - standing.atMs)} ago`;
    default:
      return "these keys are new, and your witnesses have not signed the log with them yet";
  }
}

/** The amber line of the status: what keeps new people waiting, or soon will; undefined when all is well. */
export function witnessWarning(standing: WitnessStanding, nowMs: number): string | undefined {
  switch (standing.kind) {
    case "unmet":
    case "stale":
      return `${waitingText(standing, nowMs)}: nobody new can be added until they do`;
    case "old":
      return `your witnesses (${standing.quorum}) last signed this server's log ${daysText(nowMs - standing.atMs)} ago`;
    default:
      return undefined;
  }
}

function daysText(ageMs: number): string {
  const days = Math.floor(ageMs / DAY_MS);
  return days === 1 ? "a day" : `${days} days`;
}
