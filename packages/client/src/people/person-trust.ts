import { bytesEqual, idText } from "@parley/protocol";
import type {
  AccountState,
  Introduction,
  LogStanding,
  PersonFacts,
  PersonMark,
  Standing,
  StatementLedger,
  VouchStatement,
} from "@parley/trust";
import {
  evaluateVouches,
  introducesMany,
  nameSkeleton,
  nameWarnings,
  personMark,
  readStanding,
  vouchFacts,
} from "@parley/trust";
import { INTRODUCERS_NEEDED } from "./people.ts";
import { accountSubject } from "./statement-book.ts";

/** Everything that marks are derived from, at one moment. */
export interface Knowledge {
  readonly ownAccount: Uint8Array;
  readonly ledger: StatementLedger;
  readonly vouches: readonly VouchStatement[];
  /** {@link vouches} in their canonical bytes. */
  readonly vouchBytes: readonly Uint8Array[];
  /** Verified, settled chains of everybody met, by `idText` of the account. */
  readonly accounts: ReadonlyMap<string, AccountState>;
  readonly nameOf: (account: Uint8Array) => string;
  readonly nowMs: number;
}

/** What the user's own statements say of an account. */
export function standingOf(ledger: StatementLedger, state: AccountState): Standing {
  return readStanding(ledger, accountSubject(state.accountId), state);
}

/** The mark of one person, and what else there is to say about introductions. */
export async function markOf(
  knowledge: Knowledge,
  state: AccountState,
  log: LogStanding,
): Promise<PersonMark> {
  const introductions = await introductionsOf(knowledge, state);
  const words = vouchFacts(introductions, knowledge).map(({ detail }) => detail);
  const isEnough = words.length >= INTRODUCERS_NEEDED;
  const facts: PersonFacts = {
    standing: standingOf(knowledge.ledger, state),
    introductions: isEnough ? words : [],
    certifiers: [],
    log,
    status: state.status,
  };
  const mark = personMark(facts);
  const tooFew =
    words.length > 0 && !isEnough
      ? [`vouched for by ${words.join(", ")}, ${INTRODUCERS_NEEDED} introducers are needed`]
      : [];
  return { state: mark.state, why: [...mark.why, ...tooFew, ...pausedWords(knowledge, state)] };
}

function introductionsOf(knowledge: Knowledge, state: AccountState): Promise<readonly Introduction[]> {
  const { ledger, accounts, ownAccount, nowMs, vouchBytes: statements } = knowledge;
  const standings = [...accounts.values()].map((account) => [account, standingOf(ledger, account)] as const);
  return evaluateVouches({
    subject: accountSubject(state.accountId),
    chain: state,
    statements,
    introducers: standings.flatMap(([account, { introducer }]) =>
      introducer && !isPaused(knowledge, account) ? [account.accountId] : [],
    ),
    distrusted: standings.flatMap(([account, { distrusted }]) => (distrusted ? [account.accountId] : [])),
    ownAccount,
    accounts,
    nowMs,
  });
}

/**
 * Whether an introducer has brought so many people of late that nothing they say counts until the user names them again
 * (trust.md §C).
 */
export function isPaused({ ledger, vouches, nowMs }: Knowledge, { accountId }: AccountState): boolean {
  const namedAtMs =
    ledger.statements.findLast(
      ({ subject, method }) => method === "introducer" && bytesEqual(subject.id, accountId),
    )?.atMs ?? 0;
  const later = vouches.filter(({ body }) => body.issuedAtMs > namedAtMs);
  return introducesMany(later, accountId, nowMs);
}

function pausedWords(knowledge: Knowledge, state: AccountState): readonly string[] {
  const { introducer } = standingOf(knowledge.ledger, state);
  if (!introducer) return [];
  return isPaused(knowledge, state)
    ? ["introduces unusually many people of late: name them as introducer again, or not"]
    : ["may introduce people to you"];
}

/** "checked by you on …", or nothing. */
export function checkedText(ledger: StatementLedger, state: AccountState): string {
  const mark = bareMark(standingOf(ledger, state), state);
  return mark.state === "checked" ? (mark.why[0] ?? "") : "";
}

/** What is wrong with somebody by the user's own statements and the chain, each a clause. */
export function troubleOf(ledger: StatementLedger, state: AccountState): readonly string[] {
  const { check: _check, ...rest } = standingOf(ledger, state);
  const mark = bareMark(rest, state);
  return mark.state === "warning" ? mark.why.slice(0, -BARE_WORDS) : [];
}

/** Clauses that {@link bareMark} has at its end whatever the facts: the one on the log. */
const BARE_WORDS = 1;

function bareMark(standing: Standing, { status }: AccountState): PersonMark {
  return personMark({ standing, status, introductions: [], certifiers: [], log: { kind: "included" } });
}

/**
 * Which of these names could be taken for another of them, by account: "looks like bob". Own name included, as somebody
 * may look like the user.
 */
export function lookAlikes(
  names: ReadonlyMap<string, string>,
  ownAccount: Uint8Array,
): ReadonlyMap<string, readonly string[]> {
  const bySkeleton = Map.groupBy(names, ([, name]) => nameSkeleton(name));
  const own = idText(ownAccount);
  const warnings = [...names].flatMap(([account, name]) => {
    if (account === own) return [];
    const others = (bySkeleton.get(nameSkeleton(name)) ?? []).filter(([other]) => other !== account);
    const found = nameWarnings(
      name,
      others.map(([, other]) => other),
    );
    const words = found.map((warning) =>
      warning.kind === "looks-like" ? `looks like ${warning.known}` : "mixes alphabets",
    );
    return words.length > 0 ? [[account, words] as const] : [];
  });
  return new Map(warnings);
}
