import { bytesEqual } from "@parley/protocol";
import { isServerCode } from "./digits.ts";
import type { TrustErrorCode } from "./errors.ts";
import { TrustError } from "./errors.ts";
import type { Evidence, EvidenceKind, FirstContactPolicy } from "./evidence.ts";
import { friendsPolicy } from "./evidence.ts";
import type { Invite } from "./invite-link.ts";
import type { ServerChainPin, ServerIdentity } from "./server-chain.ts";
import { compareWithPin, verifyServerChain } from "./server-chain.ts";
import type { Statement } from "./statement.ts";
import { verifyStatement } from "./statement.ts";

/** What a client remembers of a server it has met: stored by host, replaced by the one of each later `met`. */
export interface ServerPin extends ServerChainPin {
  readonly rememberedAtMs: number;
  /** What spoke for it when it was met first, and what has come to that since. */
  readonly met: readonly EvidenceKind[];
  /** Highest restore generation seen. */
  readonly generation: number;
}

/** All that is known when a relay's hello has arrived. Nothing may be sent to it before {@link evaluateServer}. */
export interface ServerContact {
  /** The dialled host, without port. */
  readonly host: string;
  /** `serverChain` and `statement` of the hello. */
  readonly chain: readonly Uint8Array[];
  readonly statement: Uint8Array;
  readonly nowMs: number;
  /** SHA-256 of the SubjectPublicKeyInfo on the wire. Absent only where the platform hides it. */
  readonly tlsSpkiHash?: Uint8Array;
  readonly pin?: ServerPin;
  readonly invite?: Pick<Invite, "serverId">;
  /** 30 digits as typed, or the host with an exclamation mark. */
  readonly typed?: string;
  /** Evidence found elsewhere: ca, ledger, vouch, manual, opaque. */
  readonly evidence?: readonly Evidence[];
  /** The user, or one of their devices, distrusts this server: nothing outweighs that. */
  readonly distrusted?: boolean;
  /** For a first contact; {@link friendsPolicy} when absent. */
  readonly policy?: FirstContactPolicy;
}

/** Why a server is not (yet) believed. */
export type NotMetReason =
  /** Everything is in order, but nothing speaks for it: ask for an invite or the digits. */
  | "no-evidence"
  /** The user said so. */
  | "distrusted"
  /** The invite names another server. */
  | "invite-mismatch"
  /** The digits are another server's. */
  | "code-mismatch"
  /** What was typed is neither 30 digits nor the host with an exclamation mark. */
  | "code-invalid"
  /** The chain or the statement does not hold; the error's code says why. */
  | TrustErrorCode;

/** Why a known server is refused. */
export type ChangeReason =
  /** A key that does not follow from the remembered one. */
  | "server-changed"
  /** Two histories of one server: somebody shows different people different ones. */
  | "server-forked"
  /** A state older than the remembered one. */
  | "server-rolled-back";

/** The outcome of a contact. `changed` stops everything, and no policy can turn it into `met`. */
export type ServerVerdict =
  | {
      readonly verdict: "met";
      readonly why: readonly Evidence[];
      readonly server: ServerIdentity;
      readonly statement: Statement;
      /** To be stored in place of the old one. */
      readonly pin: ServerPin;
      /** The restore generation is higher than remembered: upload again what the relay may have lost. */
      readonly restored: boolean;
      /** The operator has used the recovery key since; a note is due for seven days. */
      readonly recovered: boolean;
    }
  | { readonly verdict: "not-met"; readonly reason: NotMetReason; readonly serverId?: Uint8Array }
  | { readonly verdict: "changed"; readonly reason: ChangeReason; readonly pin: ServerPin };

/** Exit codes of the `parley` command for each outcome; `fork` stands for forks and rollbacks. */
export const EXIT = { met: 0, notMet: 10, changed: 11, fork: 12 } as const;

/** @returns one of {@link EXIT}. */
export function exitCodeOf(verdict: ServerVerdict): (typeof EXIT)[keyof typeof EXIT] {
  if (verdict.verdict === "met") return EXIT.met;
  if (verdict.verdict === "not-met") return EXIT.notMet;
  return verdict.reason === "server-changed" ? EXIT.changed : EXIT.fork;
}

/**
 * Decides whether the relay at the other end is the one that is meant. First the floor: the chain verifies, follows
 * from the pin, and its key signed the statement for this host, this TLS key and this time. Then distrust and contradictions: an
 * invite or a code of another server is never outvoted. Then, for a first contact, the policy. Throws nothing for what
 * the relay sent.
 */
export async function evaluateServer(contact: ServerContact): Promise<ServerVerdict> {
  const { pin } = contact;
  let server: ServerIdentity;
  let relation: "same" | "follows" | "recovered" | undefined;
  let statement: Statement;
  try {
    server = await verifyServerChain(contact.chain);
    relation = pin && compareWithPin(pin, server);
    statement = await verifyStatement({
      note: contact.statement,
      server,
      host: contact.host,
      nowMs: contact.nowMs,
      ...(contact.tlsSpkiHash && { tlsSpkiHash: contact.tlsSpkiHash }),
    });
    if (pin && statement.generation < pin.generation)
      throw new TrustError("server-rolled-back", "generation");
  } catch (error) {
    if (error instanceof TrustError) return refusal(error.code, pin);
    throw error;
  }
  const { serverId } = server;
  if (contact.distrusted) return { verdict: "not-met", reason: "distrusted", serverId };
  const typed = readTyped(contact, serverId);
  if (contact.invite && !bytesEqual(contact.invite.serverId, serverId)) {
    return { verdict: "not-met", reason: "invite-mismatch", serverId };
  }
  if (typed === "code-mismatch" || typed === "code-invalid")
    return { verdict: "not-met", reason: typed, serverId };

  const why = [...given(contact, typed), ...(contact.evidence ?? [])];
  const has = (kind: EvidenceKind) => why.some((evidence) => evidence.kind === kind);
  const isEnough = pin !== undefined || has("unchecked") || (contact.policy ?? friendsPolicy)(has, why);
  if (!isEnough) return { verdict: "not-met", reason: "no-evidence", serverId };
  return {
    verdict: "met",
    why,
    server,
    statement,
    pin: pinOf(server, statement, { pin, why, nowMs: contact.nowMs }),
    restored: pin !== undefined && statement.generation > pin.generation,
    recovered: relation === "recovered",
  };
}

/** With a pin, a chain or a signature that does not hold is somebody else's key. */
function refusal(code: TrustErrorCode, pin: ServerPin | undefined): ServerVerdict {
  if (!pin) return { verdict: "not-met", reason: code };
  if (code === "server-forked" || code === "server-rolled-back")
    return { verdict: "changed", reason: code, pin };
  const isAboutKeys = code.startsWith("chain-") || KEY_CODES.has(code);
  return isAboutKeys
    ? { verdict: "changed", reason: "server-changed", pin }
    : { verdict: "not-met", reason: code, serverId: pin.serverId };
}

const KEY_CODES: ReadonlySet<TrustErrorCode> = new Set([
  "malformed",
  "server-changed",
  "statement-server",
  "statement-signature",
]);

type Typed = "code" | "unchecked" | "code-mismatch" | "code-invalid" | undefined;

function readTyped({ typed, host }: ServerContact, serverId: Uint8Array): Typed {
  if (typed === undefined) return undefined;
  if (typed.trim().toLowerCase() === `${host}!`) return "unchecked";
  try {
    return isServerCode(typed, serverId) ? "code" : "code-mismatch";
  } catch (error) {
    if (error instanceof TrustError && error.code === "code-invalid") return "code-invalid";
    throw error;
  }
}

function given({ pin, invite }: ServerContact, typed: Typed): readonly Evidence[] {
  const kinds: EvidenceKind[] = [];
  if (pin) kinds.push("pin");
  if (invite) kinds.push("invite");
  if (typed === "code" || typed === "unchecked") kinds.push(typed);
  return kinds.map((kind) => ({ kind, detail: "" }));
}

function pinOf(
  server: ServerIdentity,
  { generation }: Statement,
  { pin, why, nowMs }: { pin: ServerPin | undefined; why: readonly Evidence[]; nowMs: number },
): ServerPin {
  const { serverId, head, length, recoveries } = server;
  const met = [...new Set([...(pin?.met ?? []), ...why.map(({ kind }) => kind)])].filter(
    (kind) => kind !== "pin",
  );
  return {
    serverId,
    head,
    length,
    recoveries,
    generation,
    met,
    rememberedAtMs: pin?.rememberedAtMs ?? nowMs,
  };
}
