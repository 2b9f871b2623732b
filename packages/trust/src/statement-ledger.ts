import type { Infer } from "@parley/protocol";
import {
  bytesEqual,
  decode,
  encode,
  fixed,
  list,
  oneOf,
  ProtocolError,
  struct,
  u8,
  u32,
  u53,
} from "@parley/protocol";
import { HASH_BYTES } from "./chain-entry.ts";
import { TrustError } from "./errors.ts";
import type { SubjectChain, TrustSubject } from "./trust-subject.ts";
import { subjectText, trustSubject } from "./trust-subject.ts";

/** How a user checked somebody. */
export const CHECK_METHODS = ["invite", "code", "qr", "sas-voice", "sas-video", "digits", "manual"] as const;
/** One of {@link CHECK_METHODS}. */
export type CheckMethod = (typeof CHECK_METHODS)[number];

/** What a user decided about somebody. */
export const DECISIONS = ["introducer", "no-introducer", "distrust", "no-distrust", "forget-check"] as const;
/** One of {@link DECISIONS}. */
export type Decided = (typeof DECISIONS)[number];

/** Most statements of one ledger. */
export const MAX_LEDGER_STATEMENTS = 100_000;
const LEDGER_VERSION = 1;

const ledgerStatement = struct({
  subject: trustSubject,
  /** Hash of the newest entry of the subject's chain at that time. */
  keyHash: fixed(HASH_BYTES),
  method: oneOf([...CHECK_METHODS, ...DECISIONS]),
  atMs: u53,
  /** Number of the own device on which it happened. */
  device: u32,
});
/** One row: what one of the user's devices checked or was told, and when. Never changed, never taken away. */
export type LedgerStatement = Infer<typeof ledgerStatement>;

const layout = struct({ version: u8, statements: list(ledgerStatement, MAX_LEDGER_STATEMENTS) });

/**
 * The user's own statements (trust.md §A1): append-only, without repetitions, in one order whatever the order of
 * arrival. What they mean is derived at each read by {@link readStanding}; nothing derived is stored.
 */
export interface StatementLedger {
  readonly statements: readonly LedgerStatement[];
}

/** A ledger without statements. */
export const EMPTY_LEDGER: StatementLedger = { statements: [] };

/** @returns the ledger with these statements too. Throws `malformed` when one has no encoding or there are too many. */
export function appendStatements(
  ledger: StatementLedger,
  added: readonly LedgerStatement[],
): StatementLedger {
  const byBytes = new Map(
    [...ledger.statements, ...added].map((statement) => [
      translated(() => encode(ledgerStatement, statement)).toHex(),
      statement,
    ]),
  );
  if (byBytes.size > MAX_LEDGER_STATEMENTS) throw new TrustError("malformed", "ledger too long");
  const sorted = [...byBytes].sort(
    ([a, one], [b, other]) => one.atMs - other.atMs || (a < b ? -1 : a > b ? 1 : 0),
  );
  return { statements: sorted.map(([, statement]) => statement) };
}

/** @returns what two devices know together: the union, the same from both sides. */
export function mergeLedgers(a: StatementLedger, b: StatementLedger): StatementLedger {
  return appendStatements(a, b.statements);
}

/** @returns the canonical bytes: one ledger has one encoding. */
export function encodeLedger(ledger: StatementLedger): Uint8Array {
  const { statements: sorted } = appendStatements(EMPTY_LEDGER, ledger.statements);
  return translated(() => encode(layout, { version: LEDGER_VERSION, statements: sorted }));
}

/** Reads what {@link encodeLedger} wrote. Throws `malformed`, also for another order or a repetition. */
export function decodeLedger(bytes: Uint8Array): StatementLedger {
  const { version, ...ledger } = translated(() => decode(layout, bytes.slice()));
  if (version !== LEDGER_VERSION) throw new TrustError("malformed", "ledger version");
  if (!bytesEqual(encodeLedger(ledger), bytes)) throw new TrustError("malformed", "ledger order");
  return ledger;
}

/** A check that the user made in person, or by a road that they control. */
export interface DirectCheck {
  readonly method: CheckMethod;
  readonly atMs: number;
  readonly device: number;
}

/** What the ledger says of one subject now. */
export interface Standing {
  /** The newest check that still counts. */
  readonly check?: DirectCheck;
  /** A check that a recovery of the subject's chain has voided. */
  readonly voidedCheck?: DirectCheck & { readonly recoveredAtMs: number };
  /** Let introduce people, and checked. */
  readonly introducer: boolean;
  readonly distrusted: boolean;
}

/**
 * Derives what the ledger says of `subject`, whose chain is settled and verified. A check is of the chain: it lasts
 * through new devices and rotations, not through a recovery or a contest. Checks of a key that is not in the chain are
 * of somebody else. Of opposite decisions the newest counts; at the same time, the stricter.
 */
export function readStanding(
  ledger: StatementLedger,
  subject: TrustSubject,
  chain: SubjectChain | undefined,
): Standing {
  const key = subjectText(subject);
  const own = ledger.statements.filter((statement) => subjectText(statement.subject) === key);
  const distrusted = isOn(own, "distrust", "no-distrust", true);
  const forgottenMs = newestMs(own, "forget-check");
  const checks = own.flatMap((statement): DirectCheck[] => {
    const { method, atMs, device, keyHash } = statement;
    const isOfChain = chain?.entryHashes.some((hash) => bytesEqual(hash, keyHash)) === true;
    return isCheckMethod(method) && isOfChain && atMs > forgottenMs ? [{ method, atMs, device }] : [];
  });
  const recoveredAtMs = chain?.recoveredAtMs ?? Number.NEGATIVE_INFINITY;
  const isOpen = (chain?.status ?? "open") === "open";
  const valid = checks.filter(({ atMs }) => atMs > recoveredAtMs).at(-1);
  const voided = checks.at(-1);
  if (valid && isOpen) {
    return { check: valid, introducer: isOn(own, "introducer", "no-introducer", false), distrusted };
  }
  return {
    introducer: false,
    distrusted,
    ...(voided && !valid && { voidedCheck: { ...voided, recoveredAtMs } }),
  };
}

/** @returns the subjects that the ledger has anything on, in the order of their first statement. */
export function subjectsOf(ledger: StatementLedger): readonly TrustSubject[] {
  const subjects = ledger.statements.map(({ subject }) => subject);
  return [...new Map(subjects.map((subject) => [subjectText(subject), subject])).values()];
}

function isCheckMethod(method: LedgerStatement["method"]): method is CheckMethod {
  return (CHECK_METHODS as readonly string[]).includes(method);
}

function newestMs(own: readonly LedgerStatement[], method: Decided): number {
  return own.findLast((statement) => statement.method === method)?.atMs ?? Number.NEGATIVE_INFINITY;
}

function isOn(own: readonly LedgerStatement[], on: Decided, off: Decided, atSameTime: boolean): boolean {
  const [onMs, offMs] = [newestMs(own, on), newestMs(own, off)];
  if (onMs === Number.NEGATIVE_INFINITY) return false;
  return onMs === offMs ? atSameTime : onMs > offMs;
}

function translated<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof ProtocolError) throw new TrustError("malformed", "ledger");
    throw error;
  }
}
