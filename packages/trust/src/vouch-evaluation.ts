import { bytesEqual, idText } from "@parley/protocol";
import type { AccountState } from "./account-state.ts";
import { settleAccount } from "./account-state.ts";
import { monthText } from "./calendar.ts";
import { TrustError } from "./errors.ts";
import type { Fact } from "./policy/evaluation.ts";
import type { SubjectChain, TrustSubject } from "./trust-subject.ts";
import { subjectText } from "./trust-subject.ts";
import type { Vouch, VouchStatement } from "./vouch.ts";
import { decodeVouch, isEarly, isNewer, slotOf, verifyVouch } from "./vouch.ts";

/** All that {@link evaluateVouches} looks at; nothing is remembered between two calls. */
export interface VouchQuestion {
  readonly subject: TrustSubject;
  /** The subject's verified and settled chain, as this client sees it now. */
  readonly chain: SubjectChain;
  /** Signed statements, about anybody; what does not verify counts for nothing. */
  readonly statements: readonly Uint8Array[];
  /** Accounts that the user has checked *and* lets introduce people; never one that was itself introduced. */
  readonly introducers: readonly Uint8Array[];
  readonly distrusted: readonly Uint8Array[];
  readonly ownAccount: Uint8Array;
  /** Verified chains of accounts, by `idText` of the account id. Whoever is not in it says nothing. */
  readonly accounts: ReadonlyMap<string, AccountState>;
  readonly nowMs: number;
  /** 1: introducers must have checked the subject themselves. 2: somebody whom they have checked may have. */
  readonly depth?: 1 | 2;
}

/** One road from the user to the subject. No two of an answer have an account in common. */
export interface Introduction {
  readonly introducer: Uint8Array;
  /** Who checked the subject, at depth 2; the introducer checked that account. */
  readonly through?: Uint8Array;
  /** The vouch for the subject. */
  readonly vouch: Vouch;
}

/**
 * Who introduces the subject (trust.md §C): as many roads as there can be without an account on two of them. An
 * introducer's devices count once; the subject and the user introduce nobody; a vouch is dead when it is over, ended by
 * its issuer, made by a revoked device, by or for somebody distrusted, or when the subject's chain was recovered or
 * contested since.
 */
export async function evaluateVouches(question: VouchQuestion): Promise<readonly Introduction[]> {
  const { subject, introducers, depth = 1 } = question;
  if (question.distrusted.some((id) => bytesEqual(id, subject.id))) return [];
  const live = await liveVouches(question);
  const appointed = new Map(
    introducers.filter((id) => mayIntroduce(question, id)).map((id) => [idText(id), id]),
  );
  const forSubject = new Map(
    live
      .filter((vouch) => subjectText(vouch.subject) === subjectText(subject))
      .map((vouch) => [idText(vouch.issuer.account), vouch]),
  );
  const direct = [...appointed].flatMap(([key, introducer]) => {
    const vouch = forSubject.get(key);
    return vouch ? [{ introducer, vouch }] : [];
  });
  return depth === 1 ? direct : [...direct, ...indirect({ appointed, forSubject, live })];
}

/** The introductions as facts for a policy: one for each, told apart by introducer. `nameOf` gives cleaned text. */
export function vouchFacts(
  introductions: readonly Introduction[],
  { nameOf, nowMs }: { readonly nameOf: (account: Uint8Array) => string; readonly nowMs: number },
): readonly Fact[] {
  return introductions.map(({ introducer, through, vouch }) => {
    const via = through ? ` through ${nameOf(through)}` : "";
    return {
      kind: "vouch",
      by: idText(introducer),
      detail: `${nameOf(introducer)}${via} (${vouchWords(vouch, nowMs)})`,
    };
  });
}

const METHOD_WORDS: Readonly<Record<Vouch["method"], string>> = {
  qr: "in person",
  "sas-voice": "voice",
  "sas-video": "video",
  invite: "invited",
  paper: "by number",
};

/** How and when the issuer checked: `voice, May`, in UTC. */
export function vouchWords({ method, issuedAtMs }: Vouch, nowMs: number): string {
  return `${METHOD_WORDS[method]}, ${monthText(issuedAtMs, nowMs)}`;
}

/** How many people one introducer may bring within {@link INTRODUCTION_WINDOW_MS} before the user is asked again. */
export const MAX_INTRODUCTIONS = 10;
/** See {@link MAX_INTRODUCTIONS}. */
export const INTRODUCTION_WINDOW_MS = 30 * 24 * 60 * 60 * 1000;

/** Whether `introducer` has vouched for more people than usual of late, so that the user should be asked again. */
export function introducesMany(
  vouches: readonly VouchStatement[],
  introducer: Uint8Array,
  nowMs: number,
): boolean {
  const recent = vouches.filter(
    ({ kind, body }) =>
      kind === "vouch" &&
      body.subject.kind === "account" &&
      bytesEqual(body.issuer.account, introducer) &&
      body.issuedAtMs > nowMs - INTRODUCTION_WINDOW_MS,
  );
  return new Set(recent.map(slotOf)).size > MAX_INTRODUCTIONS;
}

function mayIntroduce(
  { subject, ownAccount, distrusted, accounts }: VouchQuestion,
  account: Uint8Array,
): boolean {
  return (
    !bytesEqual(account, ownAccount) &&
    !(subject.kind === "account" && bytesEqual(account, subject.id)) &&
    !distrusted.some((id) => bytesEqual(id, account)) &&
    accounts.get(idText(account))?.status === "open"
  );
}

/** The newest statement of each issuer about each subject, where that is a vouch that lives. */
async function liveVouches(question: VouchQuestion): Promise<readonly Vouch[]> {
  const newest = new Map<string, VouchStatement>();
  for (const bytes of question.statements) {
    const statement = await verified(question, bytes);
    if (!statement) continue;
    const slot = slotOf(statement);
    const present = newest.get(slot);
    if (!present || isNewer(statement, present)) newest.set(slot, statement);
  }
  return [...newest.values()].flatMap((statement) =>
    statement.kind === "vouch" && isAlive(question, statement.body) ? [statement.body] : [],
  );
}

async function verified(question: VouchQuestion, bytes: Uint8Array): Promise<VouchStatement | undefined> {
  try {
    const { issuer } = decodeVouch(bytes).body;
    const state = question.accounts.get(idText(issuer.account));
    if (!state || !mayIntroduce(question, issuer.account)) return undefined;
    const statement = await verifyVouch(bytes, state);
    return isEarly(statement, question.nowMs) ? undefined : statement;
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

function isAlive(question: VouchQuestion, { subject, head, issuedAtMs, expiresAtMs }: Vouch): boolean {
  const chain = chainOf(question, subject);
  if (!chain || question.nowMs >= expiresAtMs) return false;
  return (
    (chain.status ?? "open") === "open" &&
    chain.entryHashes.some((hash) => bytesEqual(hash, head)) &&
    issuedAtMs > (chain.recoveredAtMs ?? Number.NEGATIVE_INFINITY)
  );
}

function chainOf(question: VouchQuestion, subject: TrustSubject): SubjectChain | undefined {
  if (subjectText(subject) === subjectText(question.subject)) return question.chain;
  const state = subject.kind === "account" ? question.accounts.get(idText(subject.id)) : undefined;
  return state && settleAccount(state, question.nowMs);
}

/**
 * Roads of two accounts. Who vouches for the subject and is an introducer stands on a road of one already, and no
 * choice is better; of the others, each introducer goes with one voucher: a largest matching, by augmenting paths.
 */
function indirect({
  appointed,
  forSubject,
  live,
}: {
  readonly appointed: ReadonlyMap<string, Uint8Array>;
  readonly forSubject: ReadonlyMap<string, Vouch>;
  readonly live: readonly Vouch[];
}): readonly Introduction[] {
  const vouchedBy = new Map<string, string[]>();
  for (const { issuer, subject } of live) {
    const [from, to] = [idText(issuer.account), idText(subject.id)];
    const isStep = subject.kind === "account" && forSubject.has(to) && !appointed.has(to);
    if (!isStep || !appointed.has(from) || forSubject.has(from)) continue;
    vouchedBy.set(from, [...(vouchedBy.get(from) ?? []), to]);
  }
  const introducerOf = new Map<string, string>();
  const assign = (introducer: string, tried: Set<string>): boolean =>
    (vouchedBy.get(introducer) ?? []).some((middle) => {
      if (tried.has(middle)) return false;
      tried.add(middle);
      const other = introducerOf.get(middle);
      if (other !== undefined && !assign(other, tried)) return false;
      introducerOf.set(middle, introducer);
      return true;
    });
  for (const introducer of vouchedBy.keys()) assign(introducer, new Set());
  return [...introducerOf].flatMap(([middle, introducer]) => {
    const vouch = forSubject.get(middle);
    const id = appointed.get(introducer);
    return vouch && id ? [{ introducer: id, through: vouch.issuer.account, vouch }] : [];
  });
}
