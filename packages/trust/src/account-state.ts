import { bytesEqual, LIMITS } from "@parley/protocol";
import type { Authority, ChainEntry, EntryOf, RevocationReason } from "./chain-entry.ts";
import { decodeChainEntry, keyCommitment, ZERO_HASH } from "./chain-entry.ts";
import type { ChainHead, ChainPin } from "./chain-link.ts";
import { advance, CLOCK_SKEW_MS, checkLink, checkSignatures, NO_HEAD } from "./chain-link.ts";
import type { TrustErrorCode } from "./errors.ts";
import { TrustError } from "./errors.ts";

/** How long an account-recover entry waits when no device agrees to it. */
export const RECOVERY_DELAY_MS = 72 * 60 * 60 * 1000;

/** A device of an account, live or not. Numbers start at 1 and are never used twice, keys neither. */
export interface AccountDevice {
  readonly number: number;
  readonly publicKey: Uint8Array;
  readonly addedAtMs: number;
  readonly addedBy: Authority;
  /** Whether it may add devices, change the handle, close the account. */
  readonly admin: boolean;
  /** Whether the recovery words brought it in, directly or through another such device. It cannot agree to a recovery. */
  readonly fromWords: boolean;
  readonly label?: string;
  readonly revokedAtMs?: number;
  readonly revocationReason?: RevocationReason;
}

/** A recovery that has not taken effect. Until then no keys can be added. */
export interface PendingRecovery {
  /** Hash of the account-recover entry; what a veto names. */
  readonly entryHash: Uint8Array;
  readonly claimedAtMs: number;
  /** 72 h after the claim, or after this client first saw it, whichever is later. */
  readonly effectiveAtMs: number;
  readonly rootKey: Uint8Array;
  readonly nextKeyHash: Uint8Array;
  readonly recoveryKeyHash: Uint8Array;
}

/** An organisation's certificate in the chain. The chain shows that the certifier signed the entry, not who that is. */
export interface Attestation {
  /** Hash of the attest entry. */
  readonly entryHash: Uint8Array;
  readonly certifierKey: Uint8Array;
  readonly certificate: Uint8Array;
  readonly attestedAtMs: number;
}

/** What a verified account chain says. A value: entries make new ones. */
export interface AccountState extends ChainPin {
  /** SHA-256 of the account-genesis entry. */
  readonly accountId: Uint8Array;
  /** By number; live and revoked ones. */
  readonly devices: readonly AccountDevice[];
  /** Absent when the name was released. */
  readonly handleCommitment?: Uint8Array | undefined;
  readonly headTimeMs: number;
  readonly rootKey: Uint8Array;
  readonly nextKeyHash: Uint8Array;
  readonly recoveryKeyHash: Uint8Array;
  /** `contested`: a recovery was vetoed; nobody can add keys any more, contacts must check in person. */
  readonly status: "open" | "contested" | "closed";
  readonly pendingRecovery?: PendingRecovery | undefined;
  /** When the newest recovery took effect; verifications older than that are void. */
  readonly recoveredAtMs?: number;
  readonly attestations: readonly Attestation[];
  /** Hash of each entry, oldest first; the last is `head`. */
  readonly entryHashes: readonly Uint8Array[];
}

/** The reader's side of applying an entry. */
export interface EntryArrival {
  readonly nowMs: number;
  /** When this reader first saw the entry. A recovery waits from then, whatever time it claims. */
  readonly seenAtMs: number;
}

/** @returns the state once `nowMs` has come: a pending recovery whose delay is over has replaced the keys. */
export function settleAccount(state: AccountState, nowMs: number): AccountState {
  const { pendingRecovery: recovery, ...rest } = state;
  if (!recovery || nowMs < recovery.effectiveAtMs) return state;
  const { rootKey, nextKeyHash, recoveryKeyHash, effectiveAtMs } = recovery;
  return { ...rest, rootKey, nextKeyHash, recoveryKeyHash, recoveredAtMs: effectiveAtMs };
}

/** @returns the head that the account's next entry hangs on. */
export function headOf(state: AccountState): ChainHead {
  return { subject: state.accountId, length: state.length, head: state.head, headTimeMs: state.headTimeMs };
}

/** @returns the state after an account-genesis entry. Throws `chain-genesis` and the codes of {@link applyEntry}. */
export async function openAccount(bytes: Uint8Array, nowMs: number): Promise<AccountState> {
  const entry = decodeChainEntry(bytes.slice());
  if (entry.type !== "account-genesis") throw new TrustError("chain-genesis", entry.type);
  checkLink(NO_HEAD, entry, nowMs + CLOCK_SKEW_MS);
  await checkSignatures(entry, [entry.body.rootKey]);
  const { subject, ...head } = advance(NO_HEAD, entry, bytes);
  const { handle, ...keys } = entry.body;
  return {
    accountId: subject,
    ...keys,
    ...head,
    handleCommitment: checkedHandle(handle, entry),
    devices: [],
    status: "open",
    attestations: [],
    entryHashes: [head.head],
  };
}

/** @returns the state after `bytes`. Throws a `chain-…` code or `malformed`, and changes nothing then. */
export async function applyEntry(
  before: AccountState,
  bytes: Uint8Array,
  arrival: EntryArrival,
): Promise<AccountState> {
  const entry = decodeChainEntry(bytes.slice());
  checkLink(headOf(before), entry, arrival.nowMs + CLOCK_SKEW_MS);
  const state = settledFor(before, entry, arrival.nowMs);
  checkNotFrozen(state, entry);
  const { subject: _, ...head } = advance(headOf(state), entry, bytes);
  const changes = await changesOf(state, entry, { ...arrival, entryHash: head.head });
  return { ...state, ...changes, ...head, entryHashes: [...state.entryHashes, head.head] };
}

/** The entry's own time decides whether a recovery came before it, so that all readers agree on the order. */
function settledFor(state: AccountState, entry: ChainEntry, nowMs: number): AccountState {
  const recovery = state.pendingRecovery;
  if (!recovery || entry.timeMs < recovery.claimedAtMs + RECOVERY_DELAY_MS) return state;
  return settleAccount(state, nowMs);
}

function checkNotFrozen(state: AccountState, entry: ChainEntry): void {
  if (state.status === "closed") throw refusal("chain-frozen", entry);
  const revoking = entry.type === "device-revoke";
  if (state.status === "contested" && !revoking) throw refusal("chain-frozen", entry);
  if (state.pendingRecovery && !revoking && entry.type !== "account-veto")
    throw refusal("chain-frozen", entry);
}

type Applied = EntryArrival & { readonly entryHash: Uint8Array };

async function changesOf(
  state: AccountState,
  entry: ChainEntry,
  applied: Applied,
): Promise<Partial<AccountState>> {
  switch (entry.type) {
    case "device-add":
      return addDevice(state, entry);
    case "device-revoke":
      return revokeDevice(state, entry);
    case "account-rotate": {
      if (!isCommitted(state.nextKeyHash, entry.body.rootKey)) throw refusal("chain-authority", entry);
      await checkSignatures(entry, [state.rootKey, entry.body.rootKey]);
      return entry.body;
    }
    case "account-recover":
      return recover(state, entry, applied);
    case "account-veto":
      return veto(state, entry);
    case "handle-set": {
      await checkSignatures(entry, [authorityKey(state, entry, ["root", "device"])]);
      return { handleCommitment: checkedHandle(entry.body.handle, entry) };
    }
    case "handle-release": {
      await checkSignatures(entry, [authorityKey(state, entry, ["root", "device"])]);
      return { handleCommitment: undefined };
    }
    case "attest": {
      const { certifierKey, certificate } = entry.body;
      await checkSignatures(entry, [authorityKey(state, entry, ["root", "device"]), certifierKey]);
      const attestation = {
        entryHash: applied.entryHash,
        certifierKey,
        certificate,
        attestedAtMs: entry.timeMs,
      };
      return { attestations: [...state.attestations, attestation] };
    }
    case "attest-revoke":
      return revokeAttestation(state, entry);
    case "account-close": {
      await checkSignatures(entry, [authorityKey(state, entry, ["root", "device"])]);
      return { status: "closed" };
    }
    default:
      throw refusal("chain-type", entry);
  }
}

async function addDevice(state: AccountState, entry: EntryOf<"device-add">): Promise<Partial<AccountState>> {
  const { by, device: number, deviceKey: publicKey, admin, label } = entry.body;
  const adder = authorityKey(state, entry, ["root", "device", "recovery"]);
  if (number !== state.devices.length + 1) throw refusal("chain-device", entry, number);
  const usedKeys = [state.rootKey, ...state.devices.map((device) => device.publicKey)];
  if (usedKeys.some((used) => bytesEqual(used, publicKey))) throw refusal("chain-device", entry, number);
  if (liveDevices(state).length >= LIMITS.devicesPerAccount) throw refusal("chain-device-limit", entry);
  await checkSignatures(entry, [adder, publicKey]);
  const parent = by.kind === "device" ? state.devices[by.device - 1] : undefined;
  const device: AccountDevice = {
    number,
    publicKey,
    addedAtMs: entry.timeMs,
    addedBy: by,
    admin,
    fromWords: by.kind === "recovery" || parent?.fromWords === true,
    ...(label !== undefined && { label }),
  };
  return { devices: [...state.devices, device] };
}

async function revokeDevice(
  state: AccountState,
  entry: EntryOf<"device-revoke">,
): Promise<Partial<AccountState>> {
  const { device: number, reason } = entry.body;
  const key = authorityKey(state, entry, ["root", "device", "recovery"]);
  if (!liveDevice(state, number)) throw refusal("chain-device", entry, number);
  await checkSignatures(entry, [key]);
  const revoked = { revokedAtMs: entry.timeMs, revocationReason: reason };
  return {
    devices: state.devices.map((device) => (device.number === number ? { ...device, ...revoked } : device)),
  };
}

async function recover(
  state: AccountState,
  entry: EntryOf<"account-recover">,
  { seenAtMs, entryHash }: Applied,
): Promise<Partial<AccountState>> {
  const { recoveryKey, agreedBy, ...keys } = entry.body;
  if (!isCommitted(state.recoveryKeyHash, recoveryKey)) throw refusal("chain-authority", entry);
  const signers = [recoveryKey, keys.rootKey];
  if (agreedBy !== undefined) {
    const agreeing = liveDevice(state, agreedBy);
    if (!agreeing || agreeing.fromWords) throw refusal("chain-authority", entry, agreedBy);
    signers.push(agreeing.publicKey);
  }
  await checkSignatures(entry, signers);
  if (agreedBy !== undefined) return { ...keys, recoveredAtMs: entry.timeMs };
  const effectiveAtMs = Math.max(entry.timeMs, seenAtMs) + RECOVERY_DELAY_MS;
  return { pendingRecovery: { ...keys, entryHash, claimedAtMs: entry.timeMs, effectiveAtMs } };
}

/**
 * A device that was revoked during the last 72 h before the recovery may still veto: else a thief of the words would
 * first revoke whoever could.
 */
async function veto(state: AccountState, entry: EntryOf<"account-veto">): Promise<Partial<AccountState>> {
  const recovery = state.pendingRecovery;
  const device = state.devices[entry.body.device - 1];
  if (!recovery || !bytesEqual(recovery.entryHash, entry.body.recovery)) throw refusal("chain-type", entry);
  const liveUntilMs = device?.revokedAtMs ?? Number.POSITIVE_INFINITY;
  if (!device || device.fromWords || liveUntilMs < recovery.claimedAtMs - RECOVERY_DELAY_MS) {
    throw refusal("chain-authority", entry, entry.body.device);
  }
  await checkSignatures(entry, [device.publicKey]);
  return { status: "contested", pendingRecovery: undefined };
}

async function revokeAttestation(
  state: AccountState,
  entry: EntryOf<"attest-revoke">,
): Promise<Partial<AccountState>> {
  const { by, attestation: hash } = entry.body;
  const attestation = state.attestations.find(({ entryHash }) => bytesEqual(entryHash, hash));
  if (!attestation) throw refusal("chain-type", entry);
  const byCertifier = by.kind === "certifier" && bytesEqual(by.key, attestation.certifierKey);
  const key = byCertifier ? attestation.certifierKey : authorityKey(state, entry, ["root", "device"]);
  await checkSignatures(entry, [key]);
  return { attestations: state.attestations.filter((other) => other !== attestation) };
}

type AuthorisedEntry = ChainEntry & { readonly body: { readonly by: Authority } };

/** @returns the public key that must sign for `entry.body.by`. Throws `chain-authority` when it may not. */
function authorityKey(
  state: AccountState,
  entry: AuthorisedEntry,
  allowed: readonly Authority["kind"][],
): Uint8Array {
  const { by } = entry.body;
  if (!allowed.includes(by.kind)) throw refusal("chain-authority", entry);
  if (by.kind === "root") return state.rootKey;
  if (by.kind === "device") {
    const device = liveDevice(state, by.device);
    if (device?.admin) return device.publicKey;
  } else if (by.kind === "recovery" && isCommitted(state.recoveryKeyHash, by.key)) {
    return by.key;
  }
  throw refusal("chain-authority", entry);
}

/** The devices that may act. */
export function liveDevices(state: AccountState): readonly AccountDevice[] {
  return state.devices.filter((device) => device.revokedAtMs === undefined);
}

function liveDevice(state: AccountState, number: number): AccountDevice | undefined {
  return liveDevices(state).find((device) => device.number === number);
}

function isCommitted(commitment: Uint8Array, publicKey: Uint8Array): boolean {
  return bytesEqual(commitment, keyCommitment(publicKey));
}

function checkedHandle(
  handle: { readonly commitment: Uint8Array; readonly label: Uint8Array },
  entry: ChainEntry,
): Uint8Array {
  if (!bytesEqual(handle.label, ZERO_HASH))
    throw new TrustError("malformed", "handle label", { seq: entry.seq });
  return handle.commitment;
}

function refusal(code: TrustErrorCode, { type, seq }: ChainEntry, device?: number): TrustError {
  return new TrustError(code, type, device === undefined ? { seq } : { seq, device });
}
