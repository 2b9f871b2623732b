import type { ClientState, RatchetTree } from "ts-mls";
import type { EpochReceiverData } from "ts-mls/epochReceiverData.js";
import type { GroupContext } from "ts-mls/groupContext.js";
import type { SecretTree } from "ts-mls/secretTree.js";
import type { LeafClaim, Member, StateChange, Suite } from "./engine-types.ts";
import { MlsError } from "./errors.ts";
import { AT_REST, equalBytes, policyOf, RETAINED_EPOCHS } from "./profile.ts";
import { KEYS, put } from "./records.ts";
import { encodeClaim } from "./state-codec.ts";
import { suiteByName } from "./suites.ts";

export type Roster = ReadonlyMap<number, LeafClaim>;

/** What is left of a former epoch: enough to read its late messages and say who sent them. */
export interface PastEpoch {
  readonly epoch: bigint;
  readonly groupContext: GroupContext;
  readonly senderDataSecret: Uint8Array;
  readonly secretTree: SecretTree;
  readonly roster: Roster;
}

/** A member's whole knowledge. `current` holds no history and no usable configuration; each operation adds its own. */
export interface ActiveState {
  readonly kind: "active";
  readonly suite: Suite;
  readonly current: ClientState;
  /** Ascending. */
  readonly past: readonly PastEpoch[];
}

export interface RemovedState {
  readonly kind: "removed";
  readonly suite: Suite;
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
}

export type GroupState = ActiveState | RemovedState;

const rosters = new WeakMap<RatchetTree, Roster>();

/** Who sits where. Trees are never changed in place, so each is read once. */
export function rosterOf(tree: RatchetTree): Roster {
  const known = rosters.get(tree);
  if (known !== undefined) return known;
  const roster = new Map<number, LeafClaim>();
  for (let node = 0; node < tree.length; node += 2) {
    const leaf = tree[node];
    if (leaf?.nodeType !== "leaf") continue;
    const { credential, signaturePublicKey } = leaf.leaf;
    // Others can't get in: the guard admits basic credentials alone.
    if (credential.credentialType !== "basic") throw new MlsError("unsupported", "not a basic credential");
    roster.set(node / 2, { identity: credential.identity, signatureKey: signaturePublicKey });
  }
  rosters.set(tree, roster);
  return roster;
}

/** @throws MlsError `invalid` when the leaf is blank */
export function memberAt(roster: Roster, leafIndex: number): Member {
  const claim = roster.get(leafIndex);
  if (claim === undefined) throw new MlsError("invalid", `no member at leaf ${leafIndex}`);
  return { leafIndex, ...claim };
}

export function membersOf(roster: Roster): Member[] {
  return [...roster].map(([leafIndex, claim]) => ({ leafIndex, ...claim }));
}

export function sameClaim(a: LeafClaim | undefined, b: LeafClaim | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return equalBytes(a.identity, b.identity) && equalBytes(a.signatureKey, b.signatureKey);
}

/**
 * What the library made of a commit or join, reduced to what a stored state would give back: no history (kept
 * here), no configuration, ratchets of members alone, private keys of filled nodes alone.
 * @throws MlsError `unsupported` for a suite or group context outside our profile
 */
export function atRest(state: ClientState): ClientState {
  suiteOf(state.groupContext);
  policyOf(state.groupContext.extensions);
  const { ratchetTree: tree, privatePath } = state;
  const privateKeys = Object.fromEntries(
    Object.entries(privatePath.privateKeys).filter(([node]) => tree[Number(node)] !== undefined),
  );
  return {
    ...state,
    privatePath: { leafIndex: privatePath.leafIndex, privateKeys },
    secretTree: memberRatchets(state.secretTree, tree),
    historicalReceiverData: new Map(),
    clientConfig: AT_REST,
  };
}

export function suiteOf(context: GroupContext): Suite {
  const suite = suiteByName(context.cipherSuite);
  if (suite === undefined) throw new MlsError("unsupported", "a suite outside our profile");
  return suite;
}

/** The library's secret tree has an entry for each node, of which only those of filled leaves are ever used. */
function memberRatchets(secretTree: SecretTree, tree: RatchetTree): SecretTree {
  const ratchets: SecretTree = new Array(tree.length);
  for (let node = 0; node < tree.length; node += 2) {
    const ratchet = secretTree[node];
    if (tree[node] !== undefined && ratchet !== undefined) ratchets[node] = ratchet;
  }
  return ratchets;
}

/** The leaf whose ratchets differ: the only trace a decrypted message leaves of its sender. */
export function leafThatMoved(before: SecretTree, after: SecretTree): number {
  for (let node = 0; node < after.length; node += 2) if (before[node] !== after[node]) return node / 2;
  throw new MlsError("internal", "no ratchet moved");
}

/** A past epoch as the library wants it. Of the old tree it reads the senders' signature keys alone. */
export function asReceiverData(past: PastEpoch): EpochReceiverData {
  const tree: RatchetTree = new Array(past.secretTree.length).fill(undefined);
  for (const [leafIndex, { identity, signatureKey }] of past.roster)
    tree[leafIndex * 2] = {
      nodeType: "leaf",
      leaf: {
        hpkePublicKey: new Uint8Array(0),
        signaturePublicKey: signatureKey,
        credential: { credentialType: "basic", identity },
        capabilities: { versions: [], ciphersuites: [], extensions: [], proposals: [], credentials: [] },
        leafNodeSource: "update",
        extensions: [],
        signature: new Uint8Array(0),
      },
    };
  return {
    resumptionPsk: new Uint8Array(0),
    secretTree: past.secretTree,
    ratchetTree: tree,
    senderDataSecret: past.senderDataSecret,
    groupContext: past.groupContext,
  };
}

/**
 * Moves on to the next epoch. The old one's ratchets stay stored where they are; of its members only those are
 * written down that are gone or changed after it. Epochs past retention and lapsed proposals are cleared.
 */
export function advance(
  before: ActiveState,
  after: ClientState,
): { state: ActiveState; changes: StateChange[] } {
  const { groupContext, keySchedule, secretTree, ratchetTree } = before.current;
  const roster = rosterOf(ratchetTree);
  const next = rosterOf(after.ratchetTree);
  const changes: StateChange[] = [{ kind: "clear", prefix: KEYS.proposals }];
  for (const [leafIndex, claim] of roster)
    if (!sameClaim(claim, next.get(leafIndex)))
      changes.push(put(KEYS.former(groupContext.epoch, leafIndex), encodeClaim(claim)));

  const ended: PastEpoch = {
    epoch: groupContext.epoch,
    groupContext,
    senderDataSecret: keySchedule.senderDataSecret,
    secretTree,
    roster,
  };
  const past = [...before.past, ended];
  for (const { epoch } of past.splice(0, Math.max(0, past.length - RETAINED_EPOCHS)))
    changes.push({ kind: "clear", prefix: KEYS.epoch(epoch) });
  return { state: { kind: "active", suite: before.suite, current: after, past }, changes };
}

/** Secrets of an ended epoch that nothing uses any more, once the next one is in force. */
export function staleSecrets(before: ClientState, after: ClientState | undefined): Uint8Array[] {
  const { initSecret, exporterSecret, externalSecret, confirmationKey, membershipKey, resumptionPsk } =
    before.keySchedule;
  const kept = new Set(after === undefined ? [] : Object.values(after.privatePath.privateKeys));
  const replacedKeys = Object.values(before.privatePath.privateKeys).filter((key) => !kept.has(key));
  return [
    initSecret,
    exporterSecret,
    externalSecret,
    confirmationKey,
    membershipKey,
    resumptionPsk,
    ...replacedKeys,
  ];
}
