import type { CiphersuiteImpl, ClientState, RatchetTree } from "ts-mls";
import type { SecretTree } from "ts-mls/secretTree.js";
import { treeHashRoot } from "ts-mls/treeHash.js";
import type { UnappliedProposals } from "ts-mls/unappliedProposals.js";
import { ByteReader, ByteWriter } from "./codec.ts";
import type { LeafClaim, StateChange, StoredRecords } from "./engine-types.ts";
import { MlsError } from "./errors.ts";
import type { ActiveState, GroupState, PastEpoch, RemovedState, Roster } from "./group-state.ts";
import { rosterOf, suiteOf } from "./group-state.ts";
import { AT_REST, equalBytes, RETAINED_EPOCHS } from "./profile.ts";
import { KEYS, put } from "./records.ts";
import {
  checkFormat,
  decodeClaim,
  decodeRatchets,
  decodeStoredContext,
  decodeStoredEpoch,
  decodeStoredProposal,
  decodeTreeNode,
  encodeRatchets,
  encodeStoredContext,
  encodeStoredEpoch,
  encodeTreeNode,
} from "./state-codec.ts";
import type { MlsCrypto } from "./suites.ts";

/** The records of a whole epoch, beside those of its past. Of the tree only nodes that differ from `base`. */
export function epochRecords(state: ClientState, base: RatchetTree): StateChange[] {
  const { groupContext, keySchedule, ratchetTree: tree, secretTree } = state;
  const changes: StateChange[] = [
    put(KEYS.state, encodeStoredEpoch(state)),
    put(
      KEYS.context(groupContext.epoch),
      encodeStoredContext({ groupContext, senderDataSecret: keySchedule.senderDataSecret }),
    ),
  ];
  for (let node = 0; node < Math.max(tree.length, base.length); node += 1) {
    const filled = tree[node];
    if (filled === base[node]) continue;
    if (filled === undefined) changes.push({ kind: "delete", key: KEYS.tree(node) });
    else changes.push(put(KEYS.tree(node), encodeTreeNode(filled)));
  }
  for (const [node, ratchets] of secretTree.entries())
    if (ratchets !== undefined)
      changes.push(put(KEYS.ratchet(groupContext.epoch, node / 2), encodeRatchets(ratchets)));
  return changes;
}

/**
 * The state of the epoch that `changes` (made by {@link epochRecords}) lead to.
 * @throws MlsError `corrupt` when they don't fit together
 */
export async function epochFrom(
  crypto: MlsCrypto,
  changes: readonly StateChange[],
  base: RatchetTree,
): Promise<ClientState> {
  const puts = new Map<string, Uint8Array>();
  const deleted = new Set<string>();
  for (const change of changes) {
    if (change.kind === "put") puts.set(change.key, change.bytes);
    else if (change.kind === "delete") deleted.add(change.key);
  }
  const treeNode = (node: number) => {
    const key = KEYS.tree(node);
    const stored = puts.get(key);
    if (stored !== undefined) return decodeTreeNode(stored);
    return deleted.has(key) ? undefined : base[node];
  };
  return assemble(crypto, { lookUp: (key) => puts.get(key), treeNode, unappliedProposals: {} });
}

async function assemble(
  crypto: MlsCrypto,
  {
    lookUp,
    treeNode,
    unappliedProposals,
  }: {
    readonly lookUp: (key: string) => Uint8Array | undefined;
    readonly treeNode: (node: number) => RatchetTree[number];
    readonly unappliedProposals: UnappliedProposals;
  },
): Promise<ClientState> {
  const found = (key: string) => {
    const bytes = lookUp(key);
    if (bytes === undefined) throw new MlsError("corrupt", `the record ${key} is missing`);
    return bytes;
  };
  const stored = decodeStoredEpoch(found(KEYS.state));
  const { groupContext, senderDataSecret } = decodeStoredContext(found(KEYS.context(stored.epoch)));
  const ratchetTree: RatchetTree = Array.from({ length: stored.treeWidth }, (_, node) => treeNode(node));
  await checkTree(crypto(suiteOf(groupContext)), ratchetTree, groupContext.treeHash);
  const secretTree: SecretTree = new Array(stored.treeWidth);
  for (let node = 0; node < stored.treeWidth; node += 2)
    if (ratchetTree[node] !== undefined)
      secretTree[node] = decodeRatchets(found(KEYS.ratchet(stored.epoch, node / 2)));
  return {
    groupContext,
    keySchedule: { ...stored.keySchedule, senderDataSecret },
    ratchetTree,
    secretTree,
    privatePath: stored.privatePath,
    signaturePrivateKey: stored.signaturePrivateKey,
    confirmationTag: stored.confirmationTag,
    unappliedProposals,
    historicalReceiverData: new Map(),
    groupActiveState: { kind: "active" },
    clientConfig: AT_REST,
  };
}

/** A node that went missing would make a tree nobody else has, and show only at the next commit. */
async function checkTree(suite: CiphersuiteImpl, tree: RatchetTree, treeHash: Uint8Array): Promise<void> {
  const hash = await treeHashRoot(tree, suite.hash).catch(() => undefined);
  if (hash === undefined || !equalBytes(hash, treeHash))
    throw new MlsError("corrupt", "the stored tree is not the group's");
}

/** The whole group from its records. */
export async function restoreState(crypto: MlsCrypto, stored: StoredRecords): Promise<GroupState> {
  const records = new Map(stored);
  const removed = records.get(KEYS.removed);
  if (removed !== undefined) return decodeRemoved(removed);
  const current = await assemble(crypto, {
    lookUp: (key) => records.get(key),
    treeNode: (node) => {
      const bytes = records.get(KEYS.tree(node));
      return bytes === undefined ? undefined : decodeTreeNode(bytes);
    },
    unappliedProposals: storedProposals(records),
  });
  return {
    kind: "active",
    suite: suiteOf(current.groupContext),
    current,
    past: restorePast(records, current),
  };
}

function storedProposals(records: ReadonlyMap<string, Uint8Array>): UnappliedProposals {
  const proposals: UnappliedProposals = {};
  for (let position = 0; ; position += 1) {
    const bytes = records.get(KEYS.proposal(position));
    if (bytes === undefined) return proposals;
    const [ref, proposal] = decodeStoredProposal(bytes);
    proposals[ref] = proposal;
  }
}

/** Walks back from the present: each past roster is the later one, with the leaves put back that changed. */
function restorePast(records: ReadonlyMap<string, Uint8Array>, current: ClientState): PastEpoch[] {
  const now = current.groupContext.epoch;
  const past: PastEpoch[] = [];
  let roster: Roster = rosterOf(current.ratchetTree);
  for (let epoch = now - 1n; epoch >= 0n && epoch >= now - BigInt(RETAINED_EPOCHS); epoch -= 1n) {
    const context = records.get(KEYS.context(epoch));
    if (context === undefined) break;
    const formers = new Map(underPrefix(records, KEYS.formers(epoch)));
    const secretTree: SecretTree = [];
    const members = new Map<number, LeafClaim>();
    for (const [leafIndex, ratchets] of underPrefix(records, KEYS.ratchets(epoch))) {
      secretTree[leafIndex * 2] = decodeRatchets(ratchets);
      const former = formers.get(leafIndex);
      const claim = former === undefined ? roster.get(leafIndex) : decodeClaim(former);
      if (claim === undefined)
        throw new MlsError("corrupt", `leaf ${leafIndex} of epoch ${epoch} has no owner`);
      members.set(leafIndex, claim);
    }
    past.unshift({ epoch, ...decodeStoredContext(context), secretTree, roster: members });
    roster = members;
  }
  return past;
}

function* underPrefix(
  records: ReadonlyMap<string, Uint8Array>,
  prefix: string,
): Generator<[number, Uint8Array]> {
  for (const [key, bytes] of records)
    if (key.startsWith(prefix)) yield [Number(key.slice(prefix.length)), bytes];
}

/** All that stays stored of a group this device was removed from. */
export function removedRecords(before: ActiveState): { state: RemovedState; changes: StateChange[] } {
  const { groupId, epoch } = before.current.groupContext;
  const tombstone = new ByteWriter().uint8(1).bytes(groupId).uint64(epoch).uint8(before.suite).finish();
  return {
    state: { kind: "removed", suite: before.suite, groupId, epoch },
    changes: [{ kind: "clear", prefix: "" }, put(KEYS.removed, tombstone)],
  };
}

function decodeRemoved(bytes: Uint8Array): RemovedState {
  const reader = new ByteReader(bytes);
  checkFormat(reader);
  const groupId = reader.bytes();
  const epoch = reader.uint64();
  const suite = reader.uint8();
  reader.end();
  if (suite !== 1 && suite !== 3 && suite !== 83)
    throw new MlsError("corrupt", "a suite we don't know is stored");
  return { kind: "removed", suite, groupId, epoch };
}
