import type { ClientState } from "ts-mls";
import type { IncomingMessageCallback } from "ts-mls/incomingMessageAction.js";
import type { ProposalWithSender } from "ts-mls/unappliedProposals.js";
import { checkProposals, describeCommit } from "./commit-changes.ts";
import type { AuthorizeCommit, CommitChanges, Incoming, LeafClaim, StateChange } from "./engine-types.ts";
import { epochRecords, removedRecords } from "./epoch-records.ts";
import { MlsError } from "./errors.ts";
import { saysNoKeyInPath } from "./faults.ts";
import type { ActiveState } from "./group-state.ts";
import { advance, atRest, rosterOf, staleSecrets } from "./group-state.ts";
import type { LeafGuard } from "./leaf-guard.ts";
import type { Outcome } from "./operation.ts";

/** What the library showed of a handshake message while processing it. */
type Seen =
  | {
      readonly kind: "commit";
      readonly sender: number | undefined;
      readonly proposals: readonly ProposalWithSender[];
    }
  | { readonly kind: "proposal"; readonly proposal: ProposalWithSender };

export interface Watch {
  seen: Seen | undefined;
}

/**
 * Accepts everything and remembers it. The judging comes afterwards: states are values, so a commit that turns
 * out unwanted is never put into force, and rules may be asynchronous.
 */
export function watching(watch: Watch): IncomingMessageCallback {
  return (incoming) => {
    watch.seen =
      incoming.kind === "commit"
        ? { kind: "commit", sender: incoming.senderLeafIndex, proposals: incoming.proposals }
        : { kind: "proposal", proposal: incoming.proposal };
    return "accept";
  };
}

export const REMOVED = Symbol("removed");

/**
 * A member that a commit removes can't follow it. The library says so, or, when the leaf was filled again, finds
 * no key of ours in the update path; by then it has verified signature, proposals and the path's leaf.
 */
export async function orRemoved<Result extends { readonly newState: ClientState }>(
  process: () => Promise<Result>,
  state: ActiveState,
  watch: Watch,
): Promise<Result | typeof REMOVED> {
  const own = state.current.privatePath.leafIndex;
  const removesUs = () =>
    watch.seen?.kind === "commit" &&
    watch.seen.proposals.some(
      ({ proposal }) => proposal.proposalType === "remove" && proposal.remove.removed === own,
    );
  try {
    const result = await process();
    return result.newState.groupActiveState.kind === "removedFromGroup" ? REMOVED : result;
  } catch (error) {
    if (removesUs() && saysNoKeyInPath(error)) return REMOVED;
    throw error;
  }
}

export async function concludeCommit(
  before: ActiveState,
  received: {
    readonly proposals: readonly ProposalWithSender[];
    readonly committer: number | LeafClaim;
    readonly authenticatedData: Uint8Array;
    readonly result:
      | { readonly newState: ClientState; readonly consumed: readonly Uint8Array[] }
      | typeof REMOVED;
    readonly guard: LeafGuard;
  },
  authorize: AuthorizeCommit,
): Promise<Outcome<Incoming>> {
  const { proposals, committer, authenticatedData, result, guard } = received;
  const external = typeof committer !== "number";
  checkProposals(proposals, external);
  const after = result === REMOVED ? undefined : atRest(result.newState);
  const changes = describeCommit(before, {
    proposals,
    committer,
    after: after === undefined ? undefined : rosterOf(after.ratchetTree),
    hasPath: after !== undefined && !external && leafChanged(before.current, after, committer),
  });
  if (!external) await guard.require(changes.committer, "committing");
  await authorized(changes, authorize);

  if (after === undefined || result === REMOVED) {
    const removed = removedRecords(before);
    return {
      result: { kind: "removed", changes, authenticatedData },
      ...removed,
      spent: [...staleSecrets(before.current, undefined), before.current.signaturePrivateKey],
    };
  }
  const next = advance(before, after);
  const records: StateChange[] = [...next.changes, ...epochRecords(after, before.current.ratchetTree)];
  return {
    result: { kind: "commit", changes, authenticatedData },
    state: next.state,
    changes: records,
    spent: [...result.consumed, ...staleSecrets(before.current, after)],
  };
}

function leafChanged(before: ClientState, after: ClientState, leafIndex: number): boolean {
  return before.ratchetTree[leafIndex * 2] !== after.ratchetTree[leafIndex * 2];
}

async function authorized(changes: CommitChanges, authorize: AuthorizeCommit): Promise<void> {
  try {
    await authorize(changes);
  } catch (cause) {
    throw new MlsError("unauthorised", "the room's rules don't allow the commit", { cause });
  }
}
