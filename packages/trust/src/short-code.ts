import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Infer } from "@parley/protocol";
import { decode, encode, fixed, oneOf, ProtocolError, struct, u32, variant } from "@parley/protocol";
import type { CheckParty } from "./check-party.ts";
import { checkParty } from "./check-party.ts";
import type { CpaceInput, CpaceKeys } from "./cpace.ts";
import { CPACE_SHARE_BYTES, CPACE_TAG_BYTES, CpaceExchange } from "./cpace.ts";
import { Secret } from "./secret.ts";
import type { ShortCode } from "./short-code-text.ts";
import { KEY_BYTES, LABELS, labelled } from "./signature.ts";

/** How long an offered code is good. */
export const SHORT_CODE_LIFETIME_MS = 10 * 60 * 1000;

/** Why a code is burnt. */
export const SHORT_CODE_REASONS = [
  /** The words were not the same on both sides, or not the server, the session or the people. */
  "wrong-code",
  /** A share that is no group element, the identity, or one's own sent back. */
  "bad-share",
  "expired",
  /** A person stopped it. */
  "cancelled",
  /** A message that has no place here. */
  "unexpected",
  /** Not a message. */
  "malformed",
] as const;
/** One of {@link SHORT_CODE_REASONS}. */
export type ShortCodeReason = (typeof SHORT_CODE_REASONS)[number];

const share = fixed(CPACE_SHARE_BYTES);
const tag = fixed(CPACE_TAG_BYTES);
const shortCodeMessage = variant({
  hello: [1, struct({ share, party: checkParty })],
  answer: [2, struct({ share, party: checkParty, tag })],
  confirm: [3, struct({ tag })],
  abort: [4, struct({ reason: oneOf(SHORT_CODE_REASONS) })],
});
type Message = Infer<typeof shortCodeMessage>;

/** What one side puts in. */
export interface ShortCodeSetup {
  readonly code: ShortCode;
  /** The server as this side sees it: a man in the middle with another identity makes the codes differ. */
  readonly serverId: Uint8Array;
  /** The rendezvous that the nameplate stands for, 16 bytes; the relay names it to both sides. */
  readonly session: Uint8Array;
  readonly own: CheckParty;
  /** The exchange's scalar, for vectors. Whoever knows it can try all codes. */
  readonly unsafeTestingScalar?: Uint8Array;
}

/** A code on offer; made once, for one guest. */
export interface ShortCodeOffer extends ShortCodeSetup {
  /** At most {@link SHORT_CODE_LIFETIME_MS} after it was made. */
  readonly expiresAtMs: number;
  /** Takes away the defence that a code is burnt by one failure. For tests that show what it is good for. */
  readonly unsafeTestingKeepCode?: boolean;
}

/**
 * Where an exchange stands. `met` and `burnt` are ends: a burnt code is never tried again, both sides are told, and
 * the inviter makes another one. A state is a value: keep the one that the newest step returned, and no other.
 */
export type ShortCodeState =
  | { readonly phase: "offered"; readonly offer: ShortCodeOffer }
  | {
      readonly phase: "awaiting-confirmation";
      readonly offer: ShortCodeOffer;
      readonly keys: CpaceKeys;
      readonly peer: CheckParty;
    }
  | { readonly phase: "awaiting-answer"; readonly exchange: CpaceExchange }
  | {
      readonly phase: "met";
      /** Who holds the same code. The caller still compares it with the log. */
      readonly peer: CheckParty;
      /** 32 bytes that both sides have and nobody else, to encrypt what comes next. */
      readonly key: Secret;
    }
  | { readonly phase: "burnt"; readonly reason: ShortCodeReason; readonly byPeer: boolean };

/** A state and what has to be sent, in this order. */
export interface ShortCodeStep {
  readonly state: ShortCodeState;
  readonly send: readonly Uint8Array[];
}

/** The inviter's side (trust.md §A1): offers a code and waits. */
export function offerShortCode(offer: ShortCodeOffer): ShortCodeStep {
  return { state: { phase: "offered", offer }, send: [] };
}

/** The guest's side: enters the code that it was told. */
export function enterShortCode(setup: ShortCodeSetup): ShortCodeStep {
  const exchange = begin("initiator", setup);
  const hello: Message = { kind: "hello", share: exchange.message.share, party: setup.own };
  return { state: { phase: "awaiting-answer", exchange }, send: [encode(shortCodeMessage, hello)] };
}

/** Takes one message of the other side. Throws nothing for what it says; at an end it changes nothing. */
export function receiveShortCode(state: ShortCodeState, bytes: Uint8Array, nowMs: number): ShortCodeStep {
  if (isEnd(state)) return { state, send: [] };
  const message = decodeMessage(bytes);
  if ("offer" in state && nowMs >= state.offer.expiresAtMs) return burnt(state, "expired");
  if (!message) return burnt(state, "malformed");
  if (message.kind === "abort") {
    return { state: afterFailure(state, { reason: message.reason, byPeer: true }), send: [] };
  }
  if (state.phase === "offered" && message.kind === "hello") return answer(state, message);
  if (state.phase === "awaiting-answer" && message.kind === "answer") return confirm(state, message);
  if (state.phase === "awaiting-confirmation" && message.kind === "confirm") {
    const { keys, peer } = state;
    return keys.isPeerTag(message.tag) ? { state: met(keys, peer), send: [] } : burnt(state, "wrong-code");
  }
  return burnt(state, "unexpected");
}

/** Burns a code that has not come to an end. */
export function cancelShortCode(state: ShortCodeState): ShortCodeStep {
  return isEnd(state) ? { state, send: [] } : burnt(state, "cancelled");
}

type End = ShortCodeState & { readonly phase: "met" | "burnt" };

function isEnd(state: ShortCodeState): state is End {
  return state.phase === "met" || state.phase === "burnt";
}

/** From here on the code is spent: the answer's tag lets the other side test one guess. */
function answer(
  state: ShortCodeState & { phase: "offered" },
  { share: peerShare, party: peer }: Message & { kind: "hello" },
): ShortCodeStep {
  const { offer } = state;
  const exchange = begin("responder", offer);
  const keys = exchange.finish({ share: peerShare, associated: encode(checkParty, peer) });
  if (!keys) return burnt(state, "bad-share");
  const reply: Message = {
    kind: "answer",
    share: exchange.message.share,
    party: offer.own,
    tag: keys.ownTag(),
  };
  return {
    state: { phase: "awaiting-confirmation", offer, keys, peer },
    send: [encode(shortCodeMessage, reply)],
  };
}

function confirm(
  state: ShortCodeState & { phase: "awaiting-answer" },
  { share: peerShare, party: peer, tag: peerTag }: Message & { kind: "answer" },
): ShortCodeStep {
  const keys = state.exchange.finish({ share: peerShare, associated: encode(checkParty, peer) });
  if (!keys) return burnt(state, "bad-share");
  if (!keys.isPeerTag(peerTag)) return burnt(state, "wrong-code");
  const reply: Message = { kind: "confirm", tag: keys.ownTag() };
  return { state: met(keys, peer), send: [encode(shortCodeMessage, reply)] };
}

function met(keys: CpaceKeys, peer: CheckParty): ShortCodeState {
  const info = new TextEncoder().encode(LABELS.shortCodeKey);
  const key = new Secret(hkdf(sha256, keys.isk.expose(), undefined, info, KEY_BYTES));
  keys.isk.wipe();
  return { phase: "met", peer, key };
}

function burnt(state: Exclude<ShortCodeState, End>, reason: ShortCodeReason): ShortCodeStep {
  return {
    state: afterFailure(state, { reason, byPeer: false }),
    send: [encode(shortCodeMessage, { kind: "abort", reason })],
  };
}

function afterFailure(
  state: Exclude<ShortCodeState, End>,
  failure: { readonly reason: ShortCodeReason; readonly byPeer: boolean },
): ShortCodeState {
  if ("offer" in state && state.offer.unsafeTestingKeepCode) return { phase: "offered", offer: state.offer };
  return { phase: "burnt", ...failure };
}

function begin(role: "initiator" | "responder", setup: ShortCodeSetup): CpaceExchange {
  const associated = encode(checkParty, setup.own);
  const scalar = setup.unsafeTestingScalar;
  return scalar
    ? CpaceExchange.unsafeTestingBegin(role, inputOf(setup), { associated, scalar })
    : CpaceExchange.begin(role, inputOf(setup), associated);
}

function inputOf({ code, serverId, session }: ShortCodeSetup): CpaceInput {
  const channel = labelled("shortCodeChannel", serverId, encode(u32, code.nameplate));
  return { password: code.words, channel, session };
}

function decodeMessage(bytes: Uint8Array): Message | undefined {
  try {
    return decode(shortCodeMessage, bytes.slice());
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
