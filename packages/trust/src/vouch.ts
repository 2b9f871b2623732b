import type { Infer } from "@parley/protocol";
import {
  bytesEqual,
  decode,
  deviceAddress,
  encode,
  fixed,
  idText,
  oneOf,
  ProtocolError,
  struct,
  u53,
  variant,
} from "@parley/protocol";
import type { AccountState } from "./account-state.ts";
import { HASH_BYTES } from "./chain-entry.ts";
import { CLOCK_SKEW_MS } from "./chain-link.ts";
import { TrustError } from "./errors.ts";
import type { Purpose, Signer } from "./signature.ts";
import { labelled, SIGNATURE_BYTES, verifySignature } from "./signature.ts";
import type { CheckMethod } from "./statement-ledger.ts";
import type { TrustSubject } from "./trust-subject.ts";
import { subjectText, trustSubject } from "./trust-subject.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Longest life of a vouch. */
export const MAX_VOUCH_LIFETIME_MS = 366 * DAY_MS;
/** Most bytes of a statement. */
export const MAX_VOUCH_BYTES = 1024;
/** Most statements kept of one issuer about one kind of subject. */
export const MAX_VOUCHES_PER_ISSUER = 64;

/** How the issuer checked. */
export const VOUCH_METHODS = ["qr", "sas-voice", "sas-video", "invite", "paper"] as const;
/** One of {@link VOUCH_METHODS}. */
export type VouchMethod = (typeof VOUCH_METHODS)[number];

const hash = fixed(HASH_BYTES);

const vouchBody = struct({
  issuer: deviceAddress,
  subject: trustSubject,
  /** Hash of the newest entry of the subject's chain when it was checked. */
  head: hash,
  method: oneOf(VOUCH_METHODS),
  issuedAtMs: u53,
  expiresAtMs: u53,
});
const endBody = struct({ issuer: deviceAddress, subject: trustSubject, issuedAtMs: u53 });
const signature = fixed(SIGNATURE_BYTES);
const statement = variant({
  vouch: [1, struct({ body: vouchBody, signature })],
  end: [2, struct({ body: endBody, signature })],
});

/** "I checked that this is the subject's chain", or the taking back of that; the tag byte stands for the version too. */
export type VouchStatement = Infer<typeof statement>;
/** What a vouch says. */
export type Vouch = Infer<typeof vouchBody>;

/** Which check of the ledger is told in which words; a check that is told to nobody has none. */
const METHOD_TOLD: Readonly<Record<CheckMethod, VouchMethod>> = {
  qr: "qr",
  "sas-voice": "sas-voice",
  "sas-video": "sas-video",
  invite: "invite",
  code: "invite",
  digits: "paper",
  manual: "paper",
};

/** What an issuer signs with. */
export interface VouchIssuer {
  readonly account: Uint8Array;
  readonly device: number;
  readonly signer: Signer;
}

/**
 * Signs a vouch. `check` is the issuer's own check as the ledger derives it (`readStanding`): what others introduced
 * gives none, so it cannot be passed on. Throws `vouch-unchecked` without one, `vouch-lifetime` above a year.
 */
export async function createVouch(options: {
  readonly issuer: VouchIssuer;
  readonly subject: TrustSubject;
  readonly head: Uint8Array;
  readonly check: { readonly method: CheckMethod } | undefined;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}): Promise<Uint8Array> {
  const { issuer, subject, head, check, nowMs, expiresAtMs } = options;
  if (!check) throw new TrustError("vouch-unchecked");
  const body: Vouch = {
    issuer: { account: issuer.account, device: issuer.device },
    subject,
    head,
    method: METHOD_TOLD[check.method],
    issuedAtMs: nowMs,
    expiresAtMs,
  };
  checkLifetime(body);
  const signed = await issuer.signer.sign(signedBytes({ kind: "vouch", body }));
  return encodeVouch({ kind: "vouch", body, signature: signed });
}

/** Signs the end of all vouches that `issuer` made for `subject` up to `nowMs`. */
export async function createVouchEnd(
  issuer: VouchIssuer,
  subject: TrustSubject,
  nowMs: number,
): Promise<Uint8Array> {
  const body = {
    issuer: { account: issuer.account, device: issuer.device },
    subject,
    issuedAtMs: nowMs,
  };
  const signed = await issuer.signer.sign(signedBytes({ kind: "end", body }));
  return encodeVouch({ kind: "end", body, signature: signed });
}

/** @returns the canonical bytes. Throws `malformed`. */
export function encodeVouch(value: VouchStatement): Uint8Array {
  return translated(() => encode(statement, value));
}

/** Reads a statement without checking its signature. Throws `malformed` or `vouch-lifetime`. */
export function decodeVouch(bytes: Uint8Array): VouchStatement {
  if (bytes.length > MAX_VOUCH_BYTES) throw new TrustError("malformed", "vouch too large");
  const value = translated(() => decode(statement, bytes.slice()));
  if (value.kind === "vouch") checkLifetime(value.body);
  return value;
}

/**
 * Reads a statement and checks it against its issuer's verified chain. The device must be known; for a vouch it must
 * not be revoked either, while the end of one is believed of any device: bad news needs less proof.
 *
 * Throws `malformed`, `vouch-lifetime` or `vouch-signature`.
 */
export async function verifyVouch(bytes: Uint8Array, issuer: AccountState): Promise<VouchStatement> {
  const value = decodeVouch(bytes);
  const { account, device: number } = value.body.issuer;
  const device = issuer.devices.find((candidate) => candidate.number === number);
  const mayIssue =
    device !== undefined &&
    bytesEqual(account, issuer.accountId) &&
    (value.kind === "end" || device.revokedAtMs === undefined);
  if (!mayIssue || !(await verifySignature(device.publicKey, signedBytes(value), value.signature))) {
    throw new TrustError("vouch-signature", "", { device: number });
  }
  return value;
}

/**
 * What happened to a statement that arrived. `older`: one at least as new is kept. `full`: the issuer has too many.
 * `early`: a vouch from the future, which would stand in the way of all that come before its time.
 */
export type VouchOutcome = "kept" | "older" | "full" | "early";

/**
 * Adds a verified statement to those kept: one for each issuer and subject, the newest, an end before a vouch of the
 * same time; at most {@link MAX_VOUCHES_PER_ISSUER} for each issuer and kind of subject. An end stays, so that the
 * vouch before it cannot be played again.
 */
export function keepVouch(
  kept: readonly VouchStatement[],
  arrived: VouchStatement,
  nowMs: number,
): { readonly kept: readonly VouchStatement[]; readonly outcome: VouchOutcome } {
  if (isEarly(arrived, nowMs)) return { kept, outcome: "early" };
  const slot = slotOf(arrived);
  const present = kept.find((other) => slotOf(other) === slot);
  if (present) {
    if (!isNewer(arrived, present)) return { kept, outcome: "older" };
    return { kept: kept.map((other) => (other === present ? arrived : other)), outcome: "kept" };
  }
  const { issuer, subject } = arrived.body;
  const siblings = kept.filter(
    ({ body }) => bytesEqual(body.issuer.account, issuer.account) && body.subject.kind === subject.kind,
  );
  if (siblings.length >= MAX_VOUCHES_PER_ISSUER) return { kept, outcome: "full" };
  return { kept: [...kept, arrived], outcome: "kept" };
}

/** A string that is equal for statements by one account about one subject. */
export function slotOf({ body }: VouchStatement): string {
  return `${idText(body.issuer.account)} ${subjectText(body.subject)}`;
}

/** Whether this is a vouch from the future. The end of one is believed whatever its date: bad news needs less proof. */
export function isEarly({ kind, body }: VouchStatement, nowMs: number): boolean {
  return kind === "vouch" && body.issuedAtMs > nowMs + CLOCK_SKEW_MS;
}

/** Whether `a` takes the place of `b`. */
export function isNewer(a: VouchStatement, b: VouchStatement): boolean {
  if (a.body.issuedAtMs !== b.body.issuedAtMs) return a.body.issuedAtMs > b.body.issuedAtMs;
  return a.kind === "end" && b.kind === "vouch";
}

function checkLifetime({ issuedAtMs, expiresAtMs }: Vouch): void {
  const lifetimeMs = expiresAtMs - issuedAtMs;
  if (lifetimeMs <= 0 || lifetimeMs > MAX_VOUCH_LIFETIME_MS) throw new TrustError("vouch-lifetime");
}

function signedBytes(
  value: { kind: "vouch"; body: Vouch } | { kind: "end"; body: Infer<typeof endBody> },
): Uint8Array {
  const [purpose, body]: [Purpose, Uint8Array] = translated(() =>
    value.kind === "vouch"
      ? ["vouch", encode(vouchBody, value.body)]
      : ["vouchEnd", encode(endBody, value.body)],
  );
  return labelled(purpose, body);
}

function translated<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof ProtocolError) throw new TrustError("malformed", "vouch");
    throw error;
  }
}
