import { bytesEqual } from "@parley/protocol";
import type { ChainEntry, EntryBodies } from "./chain-entry.ts";
import { decodeChainEntry, keyCommitment } from "./chain-entry.ts";
import type { ChainHead, ChainPin } from "./chain-link.ts";
import { advance, checkLink, checkSignatures, makeEntry, NO_HEAD, relationToPin } from "./chain-link.ts";
import { TrustError } from "./errors.ts";
import { isHost } from "./host-address.ts";
import type { Secret } from "./secret.ts";
import type { Signer } from "./signature.ts";
import { generateSigner, signerFromSeed } from "./signature.ts";

/** What a server says of itself beside its keys; the newest entry that has one counts. */
export interface ServerMeta {
  /** Hosts, without ports, in the spelling of `isHost`. At most 16. */
  readonly hostNames: readonly string[];
  /** C2SP verifier key of the transparency log. */
  readonly logKey?: string | undefined;
  /** C2SP tlog-policy text, for information: clients take their witnesses from nowhere but their own files. */
  readonly witnessPolicy?: string;
}

/** What a verified server chain says (trust.md §0, "Server identity"). */
export interface ServerIdentity extends ChainPin {
  /** SHA-256 of the server-genesis entry: the name by which a server is known for ever. */
  readonly serverId: Uint8Array;
  readonly identityKey: Uint8Array;
  readonly nextKeyHash: Uint8Array;
  readonly recoveryKeyHash: Uint8Array;
  readonly meta: Required<ServerMeta>;
  readonly headTimeMs: number;
  /** Number of server-recover entries. */
  readonly recoveries: number;
  /** Time of the newest server-recover entry; clients show a note for seven days. */
  readonly recoveredAtMs?: number;
  /** Hash of each entry, oldest first; the last is `head`. */
  readonly entryHashes: readonly Uint8Array[];
}

/** A server chain and the keys it names; each secret is the 32-byte seed of an Ed25519 key. */
export interface ServerKeys {
  /** Encoded entries, oldest first. */
  readonly chain: readonly Uint8Array[];
  readonly identity: Secret;
  /** Kept away from the machine that holds `identity`: rotation needs both. */
  readonly next: Secret;
}

/** {@link ServerKeys} with a fresh recovery key; `recoveryWordsOf(recovery)` is what the operator writes down. */
export interface RecoverableServerKeys extends ServerKeys {
  readonly recovery: Secret;
}

/** Makes a new server: a chain of one entry that commits to the next key and to the recovery key. */
export async function createServerIdentity(
  options: ServerMeta & { readonly nowMs: number },
): Promise<RecoverableServerKeys> {
  const [identity, next, recovery] = [await generateSigner(), await generateSigner(), await generateSigner()];
  const body = {
    identityKey: identity.signer.publicKey,
    nextKeyHash: keyCommitment(next.signer.publicKey),
    recoveryKeyHash: keyCommitment(recovery.signer.publicKey),
    meta: completeMeta(options),
  };
  const genesis = await makeEntry(NO_HEAD, { type: "server-genesis", body, nowMs: options.nowMs }, [
    identity.signer,
  ]);
  await verifyServerChain([genesis]);
  return { chain: [genesis], identity: identity.seed, next: next.seed, recovery: recovery.seed };
}

/**
 * Makes the key `next` the identity key, and commits to a fresh one after it. Throws `chain-authority` when `next` is
 * not the key the chain committed to, `chain-signature` when `identity` is not the present key.
 */
export async function rotateServerIdentity(options: {
  readonly chain: readonly Uint8Array[];
  readonly identity: Secret;
  readonly next: Secret;
  readonly nowMs: number;
}): Promise<ServerKeys> {
  const server = await verifyServerChain(options.chain);
  const revealed = await signerFromSeed(options.next);
  const fresh = await generateSigner();
  const body = { identityKey: revealed.publicKey, nextKeyHash: keyCommitment(fresh.signer.publicKey) };
  const signers = [await signerFromSeed(options.identity), revealed];
  const chain = await extended(
    server,
    options.chain,
    { type: "server-rotate", body, nowMs: options.nowMs },
    signers,
  );
  return { chain, identity: options.next, next: fresh.seed };
}

/**
 * Replaces identity, next and recovery key with fresh ones on the word of the recovery key. Throws `chain-authority`
 * when `recovery` is not the committed one.
 */
export async function recoverServerIdentity(options: {
  readonly chain: readonly Uint8Array[];
  readonly recovery: Secret;
  readonly nowMs: number;
}): Promise<RecoverableServerKeys> {
  const server = await verifyServerChain(options.chain);
  const old = await signerFromSeed(options.recovery);
  const [identity, next, recovery] = [await generateSigner(), await generateSigner(), await generateSigner()];
  const body = {
    recoveryKey: old.publicKey,
    identityKey: identity.signer.publicKey,
    nextKeyHash: keyCommitment(next.signer.publicKey),
    recoveryKeyHash: keyCommitment(recovery.signer.publicKey),
  };
  const content = { type: "server-recover", body, nowMs: options.nowMs } as const;
  const chain = await extended(server, options.chain, content, [old, identity.signer]);
  return { chain, identity: identity.seed, next: next.seed, recovery: recovery.seed };
}

/** @returns the chain with a new server-meta entry. */
export async function updateServerMeta(options: {
  readonly chain: readonly Uint8Array[];
  readonly identity: Secret;
  readonly meta: ServerMeta;
  readonly nowMs: number;
}): Promise<readonly Uint8Array[]> {
  const server = await verifyServerChain(options.chain);
  const body = { meta: completeMeta(options.meta) };
  const signers = [await signerFromSeed(options.identity)];
  return extended(server, options.chain, { type: "server-meta", body, nowMs: options.nowMs }, signers);
}

/**
 * Checks every link and every signature from the genesis on. Throws a {@link TrustError} with a `chain-…` code or
 * `malformed`. A valid chain says nothing yet about *which* server this is: compare `serverId` with a pin, an invite
 * or a code.
 */
export async function verifyServerChain(chain: readonly Uint8Array[]): Promise<ServerIdentity> {
  let server: ServerIdentity | undefined;
  for (const bytes of chain) {
    const entry = decodeChainEntry(bytes.slice());
    server = server ? await followed(server, entry, bytes) : await founded(entry, bytes);
  }
  if (!server) throw new TrustError("chain-genesis", "empty");
  return server;
}

/** What a client remembers of a server. `recoveries` as in {@link ServerIdentity}. */
export interface ServerChainPin extends ChainPin {
  readonly serverId: Uint8Array;
  readonly recoveries: number;
}

/**
 * Holds a verified chain against what is remembered. `recovered`: the operator has used the recovery key since.
 * A recovery outranks what a thief of the identity and next keys wrote in the meantime, so it is followed even
 * when the remembered entries are missing, but only where the pin holds no recovery yet: then pin and chain agree on
 * the committed recovery key. Throws `server-changed` (another server), `server-rolled-back` (the chain is shorter than
 * the pin) or `server-forked`.
 */
export function compareWithPin(
  pin: ServerChainPin,
  server: ServerIdentity,
): "same" | "follows" | "recovered" {
  if (!bytesEqual(pin.serverId, server.serverId)) throw new TrustError("server-changed");
  const relation = relationToPin(pin, server.entryHashes);
  if (relation === "same") return "same";
  if (relation === "follows") return server.recoveries > pin.recoveries ? "recovered" : "follows";
  if (pin.recoveries === 0 && server.recoveries > 0) return "recovered";
  throw new TrustError(relation === "shorter" ? "server-rolled-back" : "server-forked");
}

function completeMeta({ hostNames, logKey, witnessPolicy = "" }: ServerMeta): Required<ServerMeta> {
  return { hostNames, logKey, witnessPolicy };
}

function headOf(server: ServerIdentity): ChainHead {
  return {
    subject: server.serverId,
    length: server.length,
    head: server.head,
    headTimeMs: server.headTimeMs,
  };
}

type ServerEntryType = "server-rotate" | "server-recover" | "server-meta";

async function extended<K extends ServerEntryType>(
  server: ServerIdentity,
  chain: readonly Uint8Array[],
  content: { readonly type: K; readonly body: EntryBodies[K]; readonly nowMs: number },
  signers: readonly Signer[],
): Promise<readonly Uint8Array[]> {
  const bytes = await makeEntry(headOf(server), content, signers);
  await followed(server, decodeChainEntry(bytes), bytes);
  return [...chain, bytes];
}

async function founded(entry: ChainEntry, bytes: Uint8Array): Promise<ServerIdentity> {
  if (entry.type !== "server-genesis") throw new TrustError("chain-genesis", entry.type);
  checkLink(NO_HEAD, entry, Number.POSITIVE_INFINITY);
  await checkSignatures(entry, [entry.body.identityKey]);
  const { subject, ...head } = advance(NO_HEAD, entry, bytes);
  const { meta, ...keys } = entry.body;
  return {
    serverId: subject,
    ...keys,
    ...head,
    meta: checkedMeta(meta),
    recoveries: 0,
    entryHashes: [head.head],
  };
}

async function followed(
  server: ServerIdentity,
  entry: ChainEntry,
  bytes: Uint8Array,
): Promise<ServerIdentity> {
  checkLink(headOf(server), entry, Number.POSITIVE_INFINITY);
  const changes = await changesOf(server, entry);
  const { subject: _, ...head } = advance(headOf(server), entry, bytes);
  return { ...server, ...changes, ...head, entryHashes: [...server.entryHashes, head.head] };
}

async function changesOf(server: ServerIdentity, entry: ChainEntry): Promise<Partial<ServerIdentity>> {
  switch (entry.type) {
    case "server-rotate": {
      checkCommitted(server.nextKeyHash, entry.body.identityKey, entry);
      await checkSignatures(entry, [server.identityKey, entry.body.identityKey]);
      return entry.body;
    }
    case "server-recover": {
      const { recoveryKey, ...keys } = entry.body;
      checkCommitted(server.recoveryKeyHash, recoveryKey, entry);
      await checkSignatures(entry, [recoveryKey, keys.identityKey]);
      return { ...keys, recoveries: server.recoveries + 1, recoveredAtMs: entry.timeMs };
    }
    case "server-meta": {
      await checkSignatures(entry, [server.identityKey]);
      return { meta: checkedMeta(entry.body.meta) };
    }
    default:
      throw new TrustError("chain-type", entry.type, { seq: entry.seq });
  }
}

function checkCommitted(commitment: Uint8Array, publicKey: Uint8Array, entry: ChainEntry): void {
  if (!bytesEqual(commitment, keyCommitment(publicKey))) {
    throw new TrustError("chain-authority", entry.type, { seq: entry.seq });
  }
}

function checkedMeta(meta: Required<ServerMeta>): Required<ServerMeta> {
  if (meta.hostNames.every(isHost)) return meta;
  throw new TrustError("malformed", "host name");
}
