import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesEqual, encode } from "@parley/protocol";
import type { CheckParty } from "./check-party.ts";
import { checkParty } from "./check-party.ts";
import type { SasEmoji } from "./sas-emoji.ts";
import { SAS_BYTES, sasEmojiOf } from "./sas-emoji.ts";
import type { SasMessage, SasReason } from "./sas-message.ts";
import { decodeSasMessage, encodeSasMessage, SAS_NONCE_BYTES } from "./sas-message.ts";
import { equalInConstantTime, Secret } from "./secret.ts";
import type { Purpose } from "./signature.ts";
import { KEY_BYTES, LABELS, labelled } from "./signature.ts";
import type { EphemeralKey } from "./x25519.ts";
import { generateEphemeralKey } from "./x25519.ts";

/** What both sides must agree on before they begin. */
export interface SasSetup {
  readonly serverId: Uint8Array;
  readonly own: CheckParty;
  /** The other side as this side's verified log shows it: the message that claims otherwise ends the comparison. */
  readonly peer: Omit<CheckParty, "checkpoint">;
}

/** Fresh for each comparison. */
export interface SasRandomness {
  readonly ephemeral: EphemeralKey;
  readonly nonce: Uint8Array;
}

interface Running extends SasSetup {
  readonly role: "initiator" | "responder";
  readonly randomness: SasRandomness;
}

interface Compared {
  readonly own: CheckParty;
  readonly peer: CheckParty;
  readonly role: "initiator" | "responder";
  readonly confirmKey: Secret;
}

/**
 * Where a comparison stands. Nothing may be shown before `comparing`; `done` and `aborted` are ends. A state is a
 * value: keep the one that the newest step returned, and no other.
 */
export type SasState =
  | { readonly phase: "awaiting-start"; readonly run: Running }
  | { readonly phase: "awaiting-commitment"; readonly run: Running; readonly start: Uint8Array }
  | {
      readonly phase: "awaiting-initiator-key";
      readonly run: Running;
      readonly start: Uint8Array;
      readonly commit: Uint8Array;
      readonly peer: CheckParty;
    }
  | {
      readonly phase: "awaiting-responder-key";
      readonly run: Running;
      readonly start: Uint8Array;
      readonly commit: Uint8Array;
      readonly commitment: Uint8Array;
      readonly peer: CheckParty;
    }
  | {
      /** Show the pictures; {@link confirmSas} with the person's answer. */
      readonly phase: "comparing";
      readonly emoji: readonly SasEmoji[];
      readonly compared: Compared;
      readonly peerConfirmed: boolean;
    }
  | { readonly phase: "awaiting-confirmation"; readonly compared: Compared }
  | { readonly phase: "done"; readonly peer: CheckParty }
  | {
      readonly phase: "aborted";
      readonly reason: SasReason;
      /** Whether the other side ended it: then it says what it likes. */
      readonly byPeer: boolean;
    };

/** A state and what has to be sent, in this order. */
export interface SasStep {
  readonly state: SasState;
  readonly send: readonly Uint8Array[];
}

/**
 * Begins a comparison of short authentication strings (trust.md §A1; Vaudenay 2005, in the form of Matrix's `m.sas`):
 * the responder commits to its key before it sees the initiator's, so a man in the middle has one guess in 2^42.
 */
export async function startSas(setup: SasSetup, randomness?: SasRandomness): Promise<SasStep> {
  const run: Running = { ...setup, role: "initiator", randomness: randomness ?? (await freshRandomness()) };
  const start = encodeSasMessage({ kind: "start", party: run.own, nonce: run.randomness.nonce });
  return { state: { phase: "awaiting-commitment", run, start }, send: [start] };
}

/** The other side: waits for the message of {@link startSas}. */
export async function awaitSas(setup: SasSetup, randomness?: SasRandomness): Promise<SasStep> {
  const run: Running = { ...setup, role: "responder", randomness: randomness ?? (await freshRandomness()) };
  return { state: { phase: "awaiting-start", run }, send: [] };
}

/** Takes one message of the other side. Throws nothing for what it says; at an end it changes nothing. */
export async function receiveSas(state: SasState, bytes: Uint8Array): Promise<SasStep> {
  if (state.phase === "done" || state.phase === "aborted") return { state, send: [] };
  const message = decodeSasMessage(bytes);
  if (!message) return aborted("malformed");
  if (message.kind === "abort") {
    return { state: { phase: "aborted", reason: message.reason, byPeer: true }, send: [] };
  }
  switch (state.phase) {
    case "awaiting-start":
      return message.kind === "start" ? answerStart(state.run, message, bytes) : aborted("unexpected");
    case "awaiting-commitment":
      return message.kind === "commit" ? answerCommit(state, message, bytes) : aborted("unexpected");
    case "awaiting-initiator-key":
    case "awaiting-responder-key":
      return message.kind === "key" ? takeKey(state, message.key) : aborted("unexpected");
    case "comparing":
    case "awaiting-confirmation":
      return message.kind === "confirm" ? takeConfirmation(state, message.mac) : aborted("unexpected");
  }
}

/** The person's answer: whether the pictures are the same on both sides. Without effect before and after `comparing`. */
export function confirmSas(state: SasState, isSame: boolean): SasStep {
  if (state.phase !== "comparing") return { state, send: [] };
  if (!isSame) return aborted("different");
  const { compared, peerConfirmed } = state;
  const mac = confirmation(compared, compared.role, compared.own);
  return {
    state: peerConfirmed
      ? { phase: "done", peer: compared.peer }
      : { phase: "awaiting-confirmation", compared },
    send: [encodeSasMessage({ kind: "confirm", mac })],
  };
}

/** Ends a comparison that has not ended: the person stopped it, or it took too long. */
export function cancelSas(state: SasState): SasStep {
  return state.phase === "done" || state.phase === "aborted" ? { state, send: [] } : aborted("cancelled");
}

async function freshRandomness(): Promise<SasRandomness> {
  const nonce = crypto.getRandomValues(new Uint8Array(SAS_NONCE_BYTES));
  return { ephemeral: await generateEphemeralKey(), nonce };
}

function aborted(reason: SasReason): SasStep {
  return {
    state: { phase: "aborted", reason, byPeer: false },
    send: [encodeSasMessage({ kind: "abort", reason })],
  };
}

function isExpected({ peer }: Running, party: CheckParty): boolean {
  return (
    bytesEqual(peer.account, party.account) &&
    bytesEqual(peer.chainHead, party.chainHead) &&
    bytesEqual(peer.deviceKey, party.deviceKey)
  );
}

function answerStart(run: Running, message: SasMessage & { kind: "start" }, start: Uint8Array): SasStep {
  if (!isExpected(run, message.party)) return aborted("party-mismatch");
  const commitment = commitmentTo(run.randomness.ephemeral.publicKey, start);
  const commit = encodeSasMessage({ kind: "commit", party: run.own, commitment });
  return {
    state: { phase: "awaiting-initiator-key", run, start: start.slice(), commit, peer: message.party },
    send: [commit],
  };
}

function answerCommit(
  { run, start }: SasState & { phase: "awaiting-commitment" },
  { party, commitment }: SasMessage & { kind: "commit" },
  commit: Uint8Array,
): SasStep {
  if (!isExpected(run, party)) return aborted("party-mismatch");
  const key = encodeSasMessage({ kind: "key", key: run.randomness.ephemeral.publicKey });
  return {
    state: {
      phase: "awaiting-responder-key",
      run,
      start,
      commit: commit.slice(),
      commitment,
      peer: party,
    },
    send: [key],
  };
}

/** The commitment is checked before anything is computed from the key, and so before anything can be shown. */
async function takeKey(
  state: SasState & { phase: "awaiting-initiator-key" | "awaiting-responder-key" },
  peerKey: Uint8Array,
): Promise<SasStep> {
  const { run, start, commit, peer } = state;
  const { ephemeral } = run.randomness;
  if (state.phase === "awaiting-responder-key") {
    if (!equalInConstantTime(commitmentTo(peerKey, start), state.commitment)) {
      return aborted("commitment-mismatch");
    }
  }
  if (bytesEqual(peerKey, ephemeral.publicKey)) return aborted("bad-key");
  const shared = await ephemeral.agree(peerKey);
  if (!shared) return aborted("bad-key");
  const keys = run.role === "initiator" ? [ephemeral.publicKey, peerKey] : [peerKey, ephemeral.publicKey];
  const transcript = transcriptHash(run.serverId, [start, commit, ...keys]);
  const emoji = sasEmojiOf(derived(shared, transcript, "sasEmoji"));
  const confirmKey = new Secret(derived(shared, transcript, "sasConfirm"));
  shared.fill(0);
  const compared: Compared = { own: run.own, peer, role: run.role, confirmKey };
  const ownKey = encodeSasMessage({ kind: "key", key: ephemeral.publicKey });
  return {
    state: { phase: "comparing", emoji, compared, peerConfirmed: false },
    send: run.role === "responder" ? [ownKey] : [],
  };
}

function takeConfirmation(
  state: SasState & { phase: "comparing" | "awaiting-confirmation" },
  mac: Uint8Array,
): SasStep {
  const { compared } = state;
  const peerRole = compared.role === "initiator" ? "responder" : "initiator";
  if (!equalInConstantTime(confirmation(compared, peerRole, compared.peer), mac)) {
    return aborted("confirmation-mismatch");
  }
  if (state.phase === "comparing") return { state: { ...state, peerConfirmed: true }, send: [] };
  return { state: { phase: "done", peer: compared.peer }, send: [] };
}

function commitmentTo(key: Uint8Array, start: Uint8Array): Uint8Array {
  return sha256(labelled("sasCommitment", key, start));
}

/** Each part has one length for one place in the protocol, or is an encoding that shows where it ends. */
function transcriptHash(serverId: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  return sha256(labelled("sasTranscript", serverId, ...parts));
}

const DERIVED_BYTES = { sasEmoji: SAS_BYTES, sasConfirm: KEY_BYTES } as const;

function derived(
  shared: Uint8Array,
  transcript: Uint8Array,
  purpose: Purpose & keyof typeof DERIVED_BYTES,
): Uint8Array {
  const info = new TextEncoder().encode(LABELS[purpose]);
  return hkdf(sha256, shared, transcript, info, DERIVED_BYTES[purpose]);
}

function confirmation({ confirmKey }: Compared, role: Compared["role"], party: CheckParty): Uint8Array {
  const roleByte = Uint8Array.of(role === "initiator" ? 1 : 2);
  return hmac(sha256, confirmKey.expose(), labelled("sasConfirm", roleByte, encode(checkParty, party)));
}
