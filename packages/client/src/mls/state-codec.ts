import type { ClientState, RatchetTree } from "ts-mls";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import type { GroupContext } from "ts-mls/groupContext.js";
import { decodeGroupContext, groupContextEncoder } from "ts-mls/groupContext.js";
import type { KeySchedule } from "ts-mls/keySchedule.js";
import type { PrivateKeyPath } from "ts-mls/privateKeyPath.js";
import { decodeProposal, encodeProposal } from "ts-mls/proposal.js";
import { decodeNode, encodeNode } from "ts-mls/ratchetTree.js";
import type { GenerationSecret, SecretTreeNode } from "ts-mls/secretTree.js";
import type { ProposalWithSender } from "ts-mls/unappliedProposals.js";
import { ByteReader, ByteWriter } from "./codec.ts";
import type { LeafClaim } from "./engine-types.ts";
import { MlsError } from "./errors.ts";

const FORMAT = 1;

type Node = NonNullable<RatchetTree[number]>;

/** Nodes of the widest tree that is read: far more than a room has. A damaged width would otherwise take all memory. */
const MAX_TREE_WIDTH = 2 ** 14;

/** What a stored `state` record holds: the parts of an epoch that live and end with it. */
export interface StoredEpoch {
  readonly epoch: bigint;
  readonly treeWidth: number;
  readonly keySchedule: Omit<KeySchedule, "senderDataSecret">;
  readonly privatePath: PrivateKeyPath;
  readonly signaturePrivateKey: Uint8Array;
  readonly confirmationTag: Uint8Array;
}

/** What outlives an epoch by {@link RETAINED_EPOCHS}. */
export interface StoredContext {
  readonly groupContext: GroupContext;
  readonly senderDataSecret: Uint8Array;
}

/** The order of the stored key schedule. */
const SCHEDULE = [
  "exporterSecret",
  "externalSecret",
  "confirmationKey",
  "membershipKey",
  "resumptionPsk",
  "epochAuthenticator",
  "initSecret",
] as const;

export function encodeStoredEpoch(state: ClientState): Uint8Array {
  const writer = new ByteWriter()
    .uint8(FORMAT)
    .uint64(state.groupContext.epoch)
    .uint32(state.ratchetTree.length);
  for (const name of SCHEDULE) writer.bytes(state.keySchedule[name]);
  const { leafIndex, privateKeys } = state.privatePath;
  const keys = Object.entries(privateKeys);
  writer.uint32(leafIndex).uint32(keys.length);
  for (const [node, key] of keys) writer.uint32(Number(node)).bytes(key);
  return writer.bytes(state.signaturePrivateKey).bytes(state.confirmationTag).finish();
}

export function decodeStoredEpoch(bytes: Uint8Array): StoredEpoch {
  const reader = new ByteReader(bytes);
  checkFormat(reader);
  const epoch = reader.uint64();
  const treeWidth = reader.uint32();
  if (treeWidth > MAX_TREE_WIDTH) throw new MlsError("corrupt", "the stored tree is too wide");
  const [
    exporterSecret,
    externalSecret,
    confirmationKey,
    membershipKey,
    resumptionPsk,
    epochAuthenticator,
    initSecret,
  ] = SCHEDULE.map(() => reader.bytes()) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const leafIndex = reader.uint32();
  const privateKeys: Record<number, Uint8Array> = {};
  for (let left = reader.uint32(); left > 0; left -= 1) privateKeys[reader.uint32()] = reader.bytes();
  const stored: StoredEpoch = {
    epoch,
    treeWidth,
    keySchedule: {
      exporterSecret,
      externalSecret,
      confirmationKey,
      membershipKey,
      resumptionPsk,
      epochAuthenticator,
      initSecret,
    },
    privatePath: { leafIndex, privateKeys },
    signaturePrivateKey: reader.bytes(),
    confirmationTag: reader.bytes(),
  };
  reader.end();
  return stored;
}

export function checkFormat(reader: ByteReader): void {
  if (reader.uint8() !== FORMAT) throw new MlsError("corrupt", "stored in a format we don't know");
}

export function encodeStoredContext({ groupContext, senderDataSecret }: StoredContext): Uint8Array {
  return new ByteWriter().bytes(encode(groupContextEncoder)(groupContext)).bytes(senderDataSecret).finish();
}

export function decodeStoredContext(bytes: Uint8Array): StoredContext {
  const reader = new ByteReader(bytes);
  const groupContext = decoded(decodeGroupContext, reader.bytes());
  const senderDataSecret = reader.bytes();
  reader.end();
  return { groupContext, senderDataSecret };
}

/** Generation and secret of both ratchets of a leaf: 80 bytes with SHA-256, 144 with SHA-512. */
export function encodeRatchets({ handshake, application }: SecretTreeNode): Uint8Array {
  return new ByteWriter()
    .uint32(handshake.generation)
    .bytes(handshake.secret)
    .uint32(application.generation)
    .bytes(application.secret)
    .finish();
}

export function decodeRatchets(bytes: Uint8Array): SecretTreeNode {
  const reader = new ByteReader(bytes);
  const ratchet = (): GenerationSecret => ({
    generation: reader.uint32(),
    secret: reader.bytes(),
    unusedGenerations: {},
  });
  const node = { handshake: ratchet(), application: ratchet() };
  reader.end();
  return node;
}

export function encodeTreeNode(node: Node): Uint8Array {
  return encodeNode(node);
}

export function decodeTreeNode(bytes: Uint8Array): Node {
  return decoded(decodeNode, bytes.slice());
}

export function encodeClaim({ identity, signatureKey }: LeafClaim): Uint8Array {
  return new ByteWriter().bytes(identity).bytes(signatureKey).finish();
}

export function decodeClaim(bytes: Uint8Array): LeafClaim {
  const reader = new ByteReader(bytes);
  const claim = { identity: reader.bytes(), signatureKey: reader.bytes() };
  reader.end();
  return claim;
}

/** `ref` as the library keys its pending proposals: in base64. */
export function encodeStoredProposal(
  ref: string,
  { proposal, senderLeafIndex }: ProposalWithSender,
): Uint8Array {
  if (senderLeafIndex === undefined) throw new MlsError("internal", "a pending proposal has no sender");
  return new ByteWriter().text(ref).uint32(senderLeafIndex).bytes(encodeProposal(proposal)).finish();
}

export function decodeStoredProposal(bytes: Uint8Array): [ref: string, proposal: ProposalWithSender] {
  const reader = new ByteReader(bytes);
  const ref = reader.text();
  const senderLeafIndex = reader.uint32();
  const proposal = decoded(decodeProposal, reader.bytes());
  reader.end();
  return [ref, { proposal, senderLeafIndex }];
}

function decoded<Value>(
  decode: (bytes: Uint8Array, offset: number) => [Value, number] | undefined,
  bytes: Uint8Array,
): Value {
  try {
    const result = decode(bytes, 0);
    if (result !== undefined && result[1] === bytes.length) return result[0];
  } catch (cause) {
    throw new MlsError("corrupt", "a stored part can't be read", { cause });
  }
  throw new MlsError("corrupt", "a stored part can't be read");
}
