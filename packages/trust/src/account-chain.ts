import { sha256 } from "@noble/hashes/sha2.js";
import { bytesEqual, isName } from "@parley/protocol";
import type { AccountState } from "./account-state.ts";
import { applyEntry, headOf, openAccount } from "./account-state.ts";
import type { Authority, RevocationReason } from "./chain-entry.ts";
import { decodeChainEntry, keyCommitment, ZERO_HASH } from "./chain-entry.ts";
import { makeEntry, NO_HEAD } from "./chain-link.ts";
import { TrustError } from "./errors.ts";
import type { Secret } from "./secret.ts";
import type { Signer } from "./signature.ts";
import { generateSigner } from "./signature.ts";

/** Length of the value that hides a name in its commitment. */
export const NAME_OPENING_BYTES = 32;

/** @returns SHA-256(0x02 ‖ opening[32] ‖ name): what the public chain shows of a name (trust.md §B, "Handle commitment"). */
export function handleCommitment(name: string, opening: Uint8Array): Uint8Array {
  if (opening.length !== NAME_OPENING_BYTES) throw new TrustError("malformed", "name opening");
  return sha256
    .create()
    .update(Uint8Array.of(2))
    .update(opening)
    .update(new TextEncoder().encode(name))
    .digest();
}

/** What a reader of a whole chain knows beside it. */
export interface AccountChainContext {
  readonly nowMs: number;
  /** The claimed name with its opening; both or none. Without them the chain is verified, but not whose name it is. */
  readonly name?: string;
  readonly nameOpening?: Uint8Array;
}

/**
 * Checks every entry from the genesis on: link, time, signatures, and whether the signer may. Throws a
 * {@link TrustError}: a `chain-…` code, `malformed`, or `name-mismatch`.
 *
 * A pending recovery counts from the time it claims, as an unknown chain gives nothing better; who follows a chain uses
 * {@link appendAccountEntry}, which counts from when the entry was seen. Ask `settleAccount` before reading keys.
 */
export async function verifyAccountChain(
  chain: readonly Uint8Array[],
  { nowMs, name, nameOpening }: AccountChainContext,
): Promise<AccountState> {
  const [genesis, ...rest] = chain;
  if (!genesis) throw new TrustError("chain-genesis", "empty");
  let state = await openAccount(genesis, nowMs);
  for (const bytes of rest) {
    state = await applyEntry(state, bytes, { nowMs, seenAtMs: decodeChainEntry(bytes).timeMs });
  }
  if (name !== undefined && !hasName(state, name, nameOpening)) throw new TrustError("name-mismatch");
  return state;
}

/**
 * Adds one entry that has just arrived. `maxAgeMs` is for the relay, which lets nobody write into the past: an entry
 * older than that is `chain-time`. Throws like {@link verifyAccountChain}; the state stays as it was.
 */
export async function appendAccountEntry(
  state: AccountState,
  bytes: Uint8Array,
  { nowMs, maxAgeMs = Number.POSITIVE_INFINITY }: { readonly nowMs: number; readonly maxAgeMs?: number },
): Promise<AccountState> {
  const { timeMs, seq, type } = decodeChainEntry(bytes);
  if (timeMs < nowMs - maxAgeMs) throw new TrustError("chain-time", type, { seq });
  return applyEntry(state, bytes, { nowMs, seenAtMs: nowMs });
}

/** Whether `opening` shows that the account claims `name`. */
export function hasName(state: AccountState, name: string, opening: Uint8Array | undefined): boolean {
  if (!isName(name) || opening?.length !== NAME_OPENING_BYTES || !state.handleCommitment) return false;
  return bytesEqual(state.handleCommitment, handleCommitment(name, opening));
}

/** A new account. Each secret is the 32-byte seed of an Ed25519 key. */
export interface NewAccount {
  /** Encoded account-genesis and device-add. */
  readonly chain: readonly Uint8Array[];
  readonly state: AccountState;
  readonly accountId: Uint8Array;
  readonly root: Secret;
  readonly next: Secret;
  /** `recoveryWordsOf(recovery)` is what the user writes down. */
  readonly recovery: Secret;
  /** Device number 1, an admin. */
  readonly device: Secret;
  /** Told to the relay, and by it to members, so that they can check the name. */
  readonly nameOpening: Uint8Array;
}

/** Makes an account with its first device. `name` must satisfy `isName`, else `malformed`. */
export async function createAccount(options: {
  readonly name: string;
  readonly nowMs: number;
  readonly deviceLabel?: string;
}): Promise<NewAccount> {
  if (!isName(options.name)) throw new TrustError("malformed", "name");
  const { nowMs, deviceLabel } = options;
  const [root, next, recovery, device] = await Promise.all([
    generateSigner(),
    generateSigner(),
    generateSigner(),
    generateSigner(),
  ]);
  const nameOpening = crypto.getRandomValues(new Uint8Array(NAME_OPENING_BYTES));
  const body = {
    rootKey: root.signer.publicKey,
    nextKeyHash: keyCommitment(next.signer.publicKey),
    recoveryKeyHash: keyCommitment(recovery.signer.publicKey),
    handle: { commitment: handleCommitment(options.name, nameOpening), label: ZERO_HASH },
  };
  const genesis = await makeEntry(NO_HEAD, { type: "account-genesis", body, nowMs }, [root.signer]);
  const opened = await openAccount(genesis, nowMs);
  const by = rootAuthority(root.signer);
  const add = await makeDeviceAdd({
    state: opened,
    by,
    device: device.signer,
    nowMs,
    ...(deviceLabel !== undefined && { label: deviceLabel }),
  });
  const state = await appendAccountEntry(opened, add, { nowMs });
  return {
    chain: [genesis, add],
    state,
    accountId: state.accountId,
    root: root.seed,
    next: next.seed,
    recovery: recovery.seed,
    device: device.seed,
    nameOpening,
  };
}

/** An authority and the key that speaks for it. */
export interface AuthoritySigner {
  readonly authority: Authority;
  readonly signer: Signer;
}

/** The account's root key speaks. */
export function rootAuthority(signer: Signer): AuthoritySigner {
  return { authority: { kind: "root" }, signer };
}

/** An admin device speaks. */
export function deviceAuthority(device: number, signer: Signer): AuthoritySigner {
  return { authority: { kind: "device", device }, signer };
}

/** The recovery words speak: they admit a device at once (a "paper device") and revoke devices. */
export function recoveryAuthority(signer: Signer): AuthoritySigner {
  return { authority: { kind: "recovery", key: signer.publicKey }, signer };
}

/** An organisation's key speaks: for `makeAttestRevoke` only. */
export function certifierAuthority(signer: Signer): AuthoritySigner {
  return { authority: { kind: "certifier", key: signer.publicKey }, signer };
}

interface EntryOptions {
  /** What the entry hangs on: settled, up to date. The makers do not check that it will be accepted. */
  readonly state: AccountState;
  readonly nowMs: number;
}
type AuthorisedOptions = EntryOptions & { readonly by: AuthoritySigner };

/** @returns a device-add entry. `device` signs too and may stand for another machine; its number is the next free one. */
export function makeDeviceAdd(
  options: AuthorisedOptions & { readonly device: Signer; readonly label?: string; readonly admin?: boolean },
): Promise<Uint8Array> {
  const { state, by, device, nowMs, label, admin = true } = options;
  const body = {
    by: by.authority,
    device: state.devices.length + 1,
    deviceKey: device.publicKey,
    admin,
    label,
  };
  return makeEntry(headOf(state), { type: "device-add", body, nowMs }, [by.signer, device]);
}

/** @returns a device-revoke entry. */
export function makeDeviceRevoke(
  options: AuthorisedOptions & { readonly device: number; readonly reason?: RevocationReason },
): Promise<Uint8Array> {
  const { state, by, device, nowMs, reason = "unspecified" } = options;
  const body = { by: by.authority, device, reason };
  return makeEntry(headOf(state), { type: "device-revoke", body, nowMs }, [by.signer]);
}

/** @returns an account-rotate entry that makes `next` the root, and the seed of the key after it. */
export async function makeAccountRotate(
  options: EntryOptions & { readonly root: Signer; readonly next: Signer },
): Promise<{ readonly entry: Uint8Array; readonly next: Secret }> {
  const { state, root, next, nowMs } = options;
  const fresh = await generateSigner();
  const body = { rootKey: next.publicKey, nextKeyHash: keyCommitment(fresh.signer.publicKey) };
  const entry = await makeEntry(headOf(state), { type: "account-rotate", body, nowMs }, [root, next]);
  return { entry, next: fresh.seed };
}

/** @returns an account-recover entry with all keys fresh. With `agreedBy` (a live device) it takes effect at once. */
export async function makeAccountRecover(
  options: EntryOptions & {
    readonly recovery: Signer;
    readonly agreedBy?: { readonly device: number; readonly signer: Signer };
  },
): Promise<{
  readonly entry: Uint8Array;
  readonly root: Secret;
  readonly next: Secret;
  readonly recovery: Secret;
}> {
  const { state, recovery: old, agreedBy, nowMs } = options;
  const [root, next, recovery] = await Promise.all([generateSigner(), generateSigner(), generateSigner()]);
  const body = {
    recoveryKey: old.publicKey,
    rootKey: root.signer.publicKey,
    nextKeyHash: keyCommitment(next.signer.publicKey),
    recoveryKeyHash: keyCommitment(recovery.signer.publicKey),
    agreedBy: agreedBy?.device,
  };
  const signers = [old, root.signer, ...(agreedBy ? [agreedBy.signer] : [])];
  const entry = await makeEntry(headOf(state), { type: "account-recover", body, nowMs }, signers);
  return { entry, root: root.seed, next: next.seed, recovery: recovery.seed };
}

/** @returns the veto of a device against the pending recovery. Throws `chain-type` when none is pending. */
export async function makeAccountVeto(
  options: EntryOptions & { readonly device: number; readonly signer: Signer },
): Promise<Uint8Array> {
  const { state, device, signer, nowMs } = options;
  if (!state.pendingRecovery)
    throw new TrustError("chain-type", "no pending recovery", { seq: state.length });
  const body = { device, recovery: state.pendingRecovery.entryHash };
  return makeEntry(headOf(state), { type: "account-veto", body, nowMs }, [signer]);
}

/** @returns a handle-set entry and the opening of its commitment. `name` must satisfy `isName`, else `malformed`. */
export async function makeHandleSet(
  options: AuthorisedOptions & { readonly name: string },
): Promise<{ readonly entry: Uint8Array; readonly nameOpening: Uint8Array }> {
  const { state, by, name, nowMs } = options;
  if (!isName(name)) throw new TrustError("malformed", "name");
  const nameOpening = crypto.getRandomValues(new Uint8Array(NAME_OPENING_BYTES));
  const handle = { commitment: handleCommitment(name, nameOpening), label: ZERO_HASH };
  const content = { type: "handle-set", body: { by: by.authority, handle }, nowMs } as const;
  return { entry: await makeEntry(headOf(state), content, [by.signer]), nameOpening };
}

/** @returns a handle-release entry: the name is free again 30 days later. */
export function makeHandleRelease({ state, by, nowMs }: AuthorisedOptions): Promise<Uint8Array> {
  return makeEntry(headOf(state), { type: "handle-release", body: { by: by.authority }, nowMs }, [by.signer]);
}

/** @returns an account-close entry: nothing can follow it. */
export function makeAccountClose({ state, by, nowMs }: AuthorisedOptions): Promise<Uint8Array> {
  return makeEntry(headOf(state), { type: "account-close", body: { by: by.authority }, nowMs }, [by.signer]);
}

/** @returns an attest entry that carries an organisation's certificate (DER) for this account's root key. */
export function makeAttest(
  options: AuthorisedOptions & { readonly certifier: Signer; readonly certificate: Uint8Array },
): Promise<Uint8Array> {
  const { state, by, certifier, certificate, nowMs } = options;
  const body = { by: by.authority, certifierKey: certifier.publicKey, certificate };
  return makeEntry(headOf(state), { type: "attest", body, nowMs }, [by.signer, certifier]);
}

/** @returns an attest-revoke entry, by the account or by the certifier. `attestation` is the attest entry's hash. */
export function makeAttestRevoke(
  options: AuthorisedOptions & { readonly attestation: Uint8Array },
): Promise<Uint8Array> {
  const { state, by, attestation, nowMs } = options;
  const body = { by: by.authority, attestation };
  return makeEntry(headOf(state), { type: "attest-revoke", body, nowMs }, [by.signer]);
}
