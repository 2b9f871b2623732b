import type { RoomLogEntry } from "@parley/protocol";
import { bytesEqual, idText } from "@parley/protocol";
import { durationText } from "../chat/duration.ts";
import type { CommitChanges, Member } from "../mls/index.ts";
import type { RoomRole } from "./policy.ts";
import { decodePolicy, effectiveRoles } from "./policy.ts";
import type { RoomWork } from "./room-work.ts";

/** A room before or after a commit. */
export interface RoomSide {
  readonly members: readonly Member[];
  readonly policy: Uint8Array | undefined;
}

/** What a commit did. `leavers`: accounts (as text) that asked to be removed themselves. */
export interface CommitOutcome {
  readonly before: RoomSide;
  readonly after: RoomSide;
  readonly leavers: ReadonlySet<string>;
  /** The committer's account. */
  readonly by: Uint8Array;
}

/** The outcome of another's commit. `after` of a commit that removed this device lacks what it may no longer know. */
export function outcomeOf(work: RoomWork, changes: CommitChanges): CommitOutcome {
  const gone = new Set(changes.removed.map(({ leafIndex }) => leafIndex));
  const members = work.group?.active
    ? work.group.members()
    : changes.membersBefore.filter(({ leafIndex }) => !gone.has(leafIndex));
  return {
    before: { members: changes.membersBefore, policy: changes.policyBefore },
    after: { members, policy: changes.policy ?? changes.policyBefore },
    leavers: leaversOf(work, changes),
    by: work.context.directory.addressOf(changes.committer.identity).account,
  };
}

/** Accounts whose own device proposed their removal. */
export function leaversOf(
  work: RoomWork | { readonly context: RoomWork["context"] },
  changes: CommitChanges,
): ReadonlySet<string> {
  const accountOf = (member: Member) => idText(work.context.directory.addressOf(member.identity).account);
  const byLeaf = new Map(changes.membersBefore.map((member) => [member.leafIndex, accountOf(member)]));
  const left = changes.removed.filter((leaf) => byLeaf.get(leaf.proposer) === accountOf(leaf));
  return new Set(left.map(accountOf));
}

/** Writes what a commit changed into the timeline, in words. */
export function describeCommit(
  work: RoomWork,
  entry: RoomLogEntry,
  { before, after, leavers, by: committer }: CommitOutcome,
): void {
  const { directory, me } = work.context;
  const accountsOf = ({ members }: RoomSide) => {
    const accounts = members.map((member) => directory.addressOf(member.identity).account);
    return new Map(accounts.map((account) => [idText(account), account]));
  };
  const [accountsBefore, accountsAfter] = [accountsOf(before), accountsOf(after)];
  const by = directory.nameOf(committer);
  const say = (text: string) => work.addEvent(entry.receivedAtMs, text);

  for (const [text, account] of accountsAfter) {
    if (accountsBefore.has(text)) continue;
    say(`${by} invited ${directory.nameOf(account)}`);
    if (bytesEqual(committer, me.account)) work.followUps.add("tell-state");
  }
  for (const [text, account] of accountsBefore) {
    if (accountsAfter.has(text)) continue;
    const name = text === idText(me.account) ? "you" : directory.nameOf(account);
    say(leavers.has(text) ? `${name} left` : `${by} removed ${name}`);
  }
  if (!before.policy || !after.policy || bytesEqual(before.policy, after.policy)) return;
  const [rulesBefore, rulesAfter] = [decodePolicy(before.policy), decodePolicy(after.policy)];
  if (rulesBefore.keepMs !== rulesAfter.keepMs) say(`${by} ${timerText(rulesAfter.keepMs)}`);
  const accounts = [...accountsBefore.values()];
  const rolesBefore = effectiveRoles(rulesBefore, accounts);
  for (const [text, role] of effectiveRoles(rulesAfter, accounts)) {
    const account = accountsBefore.get(text);
    if (account && role !== rolesBefore.get(text))
      say(`${by} made ${directory.nameOf(account)} ${WITH_ARTICLE[role]}`);
  }
}

function timerText(keepMs: number): string {
  if (keepMs === 0) return "lets messages stay from now on";
  return `lets messages disappear ${durationText(keepMs)} after they are sent, from now on`;
}

const WITH_ARTICLE: Record<RoomRole, string> = { member: "a member", admin: "an admin", owner: "an owner" };
