import type { DeviceAddress } from "@parley/protocol";
import { bytesEqual, deviceText, idText, ProtocolError } from "@parley/protocol";
import type { CommitChanges } from "../mls/index.ts";
import type { RoomPolicy, RoomRole } from "./policy.ts";
import { atLeast, decodePolicy, effectiveRoles, encodePolicy } from "./policy.ts";

/** What the committer told the relay of its roster (docs/protocol.md §4.8). */
export interface RosterChange {
  readonly added: readonly DeviceAddress[];
  readonly removed: readonly DeviceAddress[];
}

/** A commit that the room's rules do not allow. Every honest member refuses the same ones (docs/protocol.md §5.4). */
export class NotAuthorised extends Error {
  override readonly name = "NotAuthorised";
}

/**
 * The room's rules for commits (docs/protocol.md §5.3): a pure function of what all members know, so that all decide
 * alike. Throws {@link NotAuthorised}.
 *
 * @param addressOf the device that a leaf's credential names
 */
export function authorizeCommit(
  changes: CommitChanges,
  told: RosterChange,
  addressOf: (identity: Uint8Array) => DeviceAddress,
): void {
  const policyBefore = changes.policyBefore && decodePolicy(changes.policyBefore);
  if (!policyBefore) throw new NotAuthorised("the room has no rules");
  const before = changes.membersBefore.map((member) => ({ ...member, address: addressOf(member.identity) }));
  const roles = effectiveRoles(
    policyBefore,
    before.map(({ address }) => address.account),
  );
  const committer = addressOf(changes.committer.identity);
  if (changes.external) return authorizeRejoin(changes, committer, told, addressOf);

  const byLeaf = new Map(before.map((member) => [member.leafIndex, member.address]));
  const roleOf = (leafIndex: number): RoomRole => {
    const address = byLeaf.get(leafIndex);
    return (address && roles.get(idText(address.account))) ?? "member";
  };

  const added = changes.added.map((leaf) => ({ ...leaf, address: addressOf(leaf.identity) }));
  const removed = changes.removed.map((leaf) => ({ ...leaf, address: addressOf(leaf.identity) }));
  for (const leaf of removed) {
    const proposer = byLeaf.get(leaf.proposer);
    const own = proposer !== undefined && idText(proposer.account) === idText(leaf.address.account);
    if (own) continue;
    const least = roles.get(idText(leaf.address.account)) === "member" ? "admin" : "owner";
    if (!atLeast(roleOf(leaf.proposer), least)) throw new NotAuthorised("may not remove this member");
  }
  authorizeAdds(added, policyBefore, roles, roleOf);
  const gone = new Set(removed.map(({ leafIndex }) => leafIndex));
  const present = new Set(
    before.filter(({ leafIndex }) => !gone.has(leafIndex)).map(({ address }) => deviceText(address)),
  );
  for (const { address } of added) {
    if (present.has(deviceText(address))) throw new NotAuthorised("adds a device that is there already");
    present.add(deviceText(address));
  }
  if (changes.updated) {
    const [was, is] = [changes.updated.before, changes.updated.after].map((leaf) =>
      deviceText(addressOf(leaf.identity)),
    );
    if (was !== is) throw new NotAuthorised("turns a leaf into another device");
  }
  if (changes.policy) authorizePolicy(changes, policyBefore, newPolicy(changes.policy), roleOf);
  requireSame(
    told,
    added.map(({ address }) => address),
    removed.map(({ address }) => address),
  );
}

function authorizeAdds(
  added: readonly { readonly address: DeviceAddress; readonly proposer: number }[],
  policy: RoomPolicy,
  roles: ReadonlyMap<string, RoomRole>,
  roleOf: (leafIndex: number) => RoomRole,
): void {
  const accounts = new Set(roles.keys());
  for (const { address, proposer } of added) {
    if (accounts.has(idText(address.account))) continue;
    if (!atLeast(roleOf(proposer), policy.addRole)) throw new NotAuthorised("may not add people");
    accounts.add(idText(address.account));
  }
  if (policy.direct && accounts.size > 2) throw new NotAuthorised("a direct room stays one of two people");
}

/** Damaged rules are refused like forbidden ones: no honest member may go on with them. */
function newPolicy(bytes: Uint8Array): RoomPolicy {
  try {
    return decodePolicy(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) throw new NotAuthorised("made rules that cannot be read");
    throw error;
  }
}

function authorizePolicy(
  changes: CommitChanges,
  before: RoomPolicy,
  after: RoomPolicy,
  roleOf: (leafIndex: number) => RoomRole,
): void {
  const isOwner = roleOf(changes.policyProposer ?? changes.committer.leafIndex) === "owner";
  // Of two people, either may say how long their words stay.
  const isOurTimer = before.direct && changesOnlyTimer(before, after);
  if (!isOwner && !isOurTimer) {
    throw new NotAuthorised("may not change the room's rules");
  }
  if (changes.added.length > 0 || changes.removed.length > 0) {
    throw new NotAuthorised("a change of the rules changes nothing else");
  }
  if (before.direct !== after.direct) throw new NotAuthorised("a direct room stays one");
}

function changesOnlyTimer(before: RoomPolicy, after: RoomPolicy): boolean {
  return bytesEqual(encodePolicy({ ...before, keepMs: after.keepMs }), encodePolicy(after));
}

/** An external commit is only a way back for a device that is in the room: it takes the place of its own leaf. */
function authorizeRejoin(
  changes: CommitChanges,
  committer: DeviceAddress,
  told: RosterChange,
  addressOf: (identity: Uint8Array) => DeviceAddress,
): void {
  const replaced = changes.removed.map((leaf) => deviceText(addressOf(leaf.identity)));
  if (replaced.length !== 1 || replaced[0] !== deviceText(committer))
    throw new NotAuthorised("was not in the room");
  if (changes.added.some((leaf) => leaf.leafIndex !== changes.committer.leafIndex) || changes.policy) {
    throw new NotAuthorised("a rejoin changes nothing else");
  }
  requireSame(told, [], []);
}

function requireSame(
  told: RosterChange,
  added: readonly DeviceAddress[],
  removed: readonly DeviceAddress[],
): void {
  const same = (a: readonly DeviceAddress[], b: readonly DeviceAddress[]) =>
    a.map(deviceText).sort().join() === b.map(deviceText).sort().join();
  if (!same(told.added, added) || !same(told.removed, removed)) {
    throw new NotAuthorised("told the relay another roster than the room");
  }
}
