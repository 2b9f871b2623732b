import { sha256 } from "@noble/hashes/sha2.js";
import type { Codec, Infer } from "@parley/protocol";
import {
  ByteReader,
  ByteWriter,
  fixed,
  flag,
  LIMITS,
  list,
  oneOf,
  opaque,
  optional,
  ProtocolError,
  struct,
  text,
  u8,
  u32,
  u53,
  variant,
} from "@parley/protocol";
import { TrustError } from "./errors.ts";
import { MAX_HOST_BYTES } from "./host-address.ts";
import { KEY_BYTES, labelled, SIGNATURE_BYTES } from "./signature.ts";
import { hashLeaf } from "./tlog/index.ts";

/** Version of the entry layout. */
const CHAIN_ENTRY_VERSION = 1;
/** Length of SHA-256 hashes, server ids and account ids. */
export const HASH_BYTES = 32;
/** `subject` and `prev` of a genesis entry. */
export const ZERO_HASH: Uint8Array = new Uint8Array(HASH_BYTES);
/** Longest device label, in bytes of UTF-8. */
export const MAX_DEVICE_LABEL_BYTES = 64;
/** Why a device was revoked. */
export const REVOCATION_REASONS = ["unspecified", "replaced", "lost", "stolen"] as const;
/** One of {@link REVOCATION_REASONS}. */
export type RevocationReason = (typeof REVOCATION_REASONS)[number];

const MAX_CERTIFICATE_BYTES = 16 * 1024;
const MAX_HOSTS = 16;
const MAX_SIGNATURES = 3;
const key = fixed(KEY_BYTES);
const hash = fixed(HASH_BYTES);

/** `label` is zero in version 1; it is kept for the VRF output of a hidden directory. */
const handle = struct({ commitment: hash, label: hash });

const serverMeta = struct({
  hostNames: list(text(MAX_HOST_BYTES), MAX_HOSTS),
  logKey: optional(text(256)),
  witnessPolicy: text(8 * 1024),
});

/**
 * On whose word an account entry stands: the root key, a device, or the recovery words (their key, until then only
 * committed to, is shown here).
 */
const authority = variant({
  root: [0, struct({})],
  device: [1, struct({ device: u32 })],
  recovery: [2, struct({ key })],
  certifier: [3, struct({ key })],
});
/** See the codec: `certifier` is an organisation's key and can do nothing but take back its own attestation. */
export type Authority = Infer<typeof authority>;

/** Tag and body of each entry type (trust.md §B). The order of an entry's signatures is given with each. */
const ENTRY_TYPES = {
  /** [identity] */
  "server-genesis": [
    1,
    struct({ identityKey: key, nextKeyHash: hash, recoveryKeyHash: hash, meta: serverMeta }),
  ],
  /** [old identity, new identity = the key that `nextKeyHash` committed to] */
  "server-rotate": [2, struct({ identityKey: key, nextKeyHash: hash })],
  /** [recovery, new identity] */
  "server-recover": [
    3,
    struct({ recoveryKey: key, identityKey: key, nextKeyHash: hash, recoveryKeyHash: hash }),
  ],
  /** [identity] */
  "server-meta": [4, struct({ meta: serverMeta })],
  /** [root] */
  "account-genesis": [16, struct({ rootKey: key, nextKeyHash: hash, recoveryKeyHash: hash, handle })],
  /** [authority, new device] */
  "device-add": [
    17,
    struct({
      by: authority,
      device: u32,
      deviceKey: key,
      admin: flag,
      label: optional(text(MAX_DEVICE_LABEL_BYTES)),
    }),
  ],
  /** [authority] */
  "device-revoke": [18, struct({ by: authority, device: u32, reason: oneOf(REVOCATION_REASONS) })],
  /** [old root, new root = the key that `nextKeyHash` committed to] */
  "account-rotate": [19, struct({ rootKey: key, nextKeyHash: hash })],
  /** [recovery, new root, then the device `agreedBy` if given] */
  "account-recover": [
    20,
    struct({
      recoveryKey: key,
      rootKey: key,
      nextKeyHash: hash,
      recoveryKeyHash: hash,
      agreedBy: optional(u32),
    }),
  ],
  /** [the vetoing device]. `recovery` is the hash of the account-recover entry. */
  "account-veto": [21, struct({ device: u32, recovery: hash })],
  /** [authority] */
  "handle-set": [22, struct({ by: authority, handle })],
  /** [authority] */
  "handle-release": [23, struct({ by: authority })],
  /** [authority, certifier] */
  attest: [24, struct({ by: authority, certifierKey: key, certificate: opaque(MAX_CERTIFICATE_BYTES) })],
  /** [authority]. `attestation` is the hash of the attest entry. */
  "attest-revoke": [25, struct({ by: authority, attestation: hash })],
  /** [authority] */
  "account-close": [26, struct({ by: authority })],
  /** Reserved, like the two below: they have an encoding, no chain takes them yet. */
  "web-release": [32, struct({ releaseName: text(64), manifestHash: hash })],
  anchor: [33, struct({ method: text(16), size: u53, root: hash, proof: opaque(MAX_CERTIFICATE_BYTES) })],
  "index-root": [34, struct({ size: u53, root: hash })],
} as const;

/** The name of an entry's type. */
export type EntryType = keyof typeof ENTRY_TYPES;
/** The body of each type. */
export type EntryBodies = { readonly [K in EntryType]: Infer<(typeof ENTRY_TYPES)[K][1]> };

/** An entry of type `K`. */
export interface EntryOf<K extends EntryType> {
  readonly type: K;
  /** The chain: SHA-256 of its genesis entry; zeros in the genesis itself. */
  readonly subject: Uint8Array;
  /** Place in the chain, from 0. */
  readonly seq: number;
  /** Hash of the entry before; zeros in the genesis. */
  readonly prev: Uint8Array;
  /** The signer's clock; never before the entry before. */
  readonly timeMs: number;
  readonly body: EntryBodies[K];
  /** In the order that the type gives. */
  readonly signatures: readonly Uint8Array[];
}

/** One entry of a server or account chain; `type` says which body. */
export type ChainEntry = { [K in EntryType]: EntryOf<K> }[EntryType];
/** An entry that nobody has signed yet. */
export type UnsignedEntry = { [K in EntryType]: Omit<EntryOf<K>, "signatures"> }[EntryType];

const typeByTag = new Map<number, EntryType>();
for (const [type, [tag]] of Object.entries(ENTRY_TYPES)) typeByTag.set(tag, type as EntryType);

const signatures = list(fixed(SIGNATURE_BYTES), MAX_SIGNATURES);

function writeUnsigned(writer: ByteWriter, entry: UnsignedEntry): void {
  const [tag, body] = ENTRY_TYPES[entry.type];
  u8.write(writer, CHAIN_ENTRY_VERSION);
  u8.write(writer, tag);
  hash.write(writer, entry.subject);
  u53.write(writer, entry.seq);
  hash.write(writer, entry.prev);
  u53.write(writer, entry.timeMs);
  (body as Codec<unknown>).write(writer, entry.body);
}

/** @returns the canonical bytes. Throws `malformed` when the entry has none or is above `LIMITS.chainEntryBytes`. */
export function encodeChainEntry(entry: ChainEntry): Uint8Array {
  return translated(() => {
    const writer = new ByteWriter();
    writeUnsigned(writer, entry);
    signatures.write(writer, entry.signatures);
    return checkedSize(writer.finish());
  });
}

/** Reads an entry without checking a signature. Throws `malformed`. Byte strings are views of `bytes`. */
export function decodeChainEntry(bytes: Uint8Array): ChainEntry {
  return translated(() => {
    const reader = new ByteReader(checkedSize(bytes));
    if (u8.read(reader) !== CHAIN_ENTRY_VERSION) throw new ProtocolError("malformed", "entry version");
    const type = typeByTag.get(u8.read(reader));
    if (!type) throw new ProtocolError("malformed", "entry type");
    const entry = {
      type,
      subject: hash.read(reader),
      seq: u53.read(reader),
      prev: hash.read(reader),
      timeMs: u53.read(reader),
      body: (ENTRY_TYPES[type][1] as Codec<unknown>).read(reader),
      signatures: signatures.read(reader),
    };
    reader.expectEnd();
    return entry as ChainEntry;
  });
}

/** @returns what every signer of the entry signs: the label, then the entry without its signatures. */
export function signedBytes(entry: UnsignedEntry): Uint8Array {
  return translated(() => {
    const writer = new ByteWriter();
    writeUnsigned(writer, entry);
    return labelled("chainEntry", writer.finish());
  });
}

/** SHA-256 of the entry: the `prev` of the next one, and for a genesis the id of its server or account. */
export function chainEntryHash(bytes: Uint8Array): Uint8Array {
  return sha256(bytes);
}

/** The entry as a leaf of the transparency log (RFC 6962 §2.1): SHA-256(0x00 ‖ entry). */
export function chainEntryLeafHash(bytes: Uint8Array): Uint8Array {
  return hashLeaf(bytes);
}

/** What a chain shows of a key before it is used. */
export function keyCommitment(publicKey: Uint8Array): Uint8Array {
  return sha256(publicKey);
}

function checkedSize(bytes: Uint8Array): Uint8Array {
  if (bytes.length > LIMITS.chainEntryBytes) throw new ProtocolError("too-large", "chain entry");
  return bytes;
}

function translated<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof ProtocolError) throw new TrustError("malformed", `chain entry, ${error.message}`);
    throw error;
  }
}
