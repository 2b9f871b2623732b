import type { Proposal } from "ts-mls";
import type { ProposalWithSender } from "ts-mls/unappliedProposals.js";
import type { CommitChanges, LeafClaim, Member } from "./engine-types.ts";
import { MlsError } from "./errors.ts";
import type { ActiveState, Roster } from "./group-state.ts";
import { memberAt, membersOf, rosterOf } from "./group-state.ts";
import { checkLifetimeLength, policyOf } from "./profile.ts";

/**
 * Holds a commit's proposals to our profile: adds, removes, or one policy change alone and inline.
 * (ts-mls 1.6.4 can't process a group context change beside a Remove or an Update.)
 * @throws MlsError `unsupported` or `invalid`
 */
export function checkProposals(proposals: readonly ProposalWithSender[], external: boolean): void {
  for (const { proposal } of proposals) {
    switch (proposal.proposalType) {
      case "add":
        checkLifetimeLength(proposal.add.keyPackage.leafNode.lifetime);
        break;
      case "remove":
        break;
      case "group_context_extensions":
        if (proposals.length > 1) throw new MlsError("unsupported", "a policy change must stand alone");
        if (policyOf(proposal.groupContextExtensions.extensions) === undefined)
          throw new MlsError("unsupported", "a policy can't be cleared");
        break;
      case "external_init":
        if (!external) throw new MlsError("invalid", "a member can't join from outside");
        break;
      default:
        throw new MlsError(
          "unsupported",
          `proposals of type ${String(proposal.proposalType)} are not part of our profile`,
        );
    }
  }
}

/** The claim an Add brings in. */
export function claimOf(proposal: Extract<Proposal, { proposalType: "add" }>): LeafClaim {
  const { credential, signaturePublicKey } = proposal.add.keyPackage.leafNode;
  if (credential.credentialType !== "basic") throw new MlsError("unsupported", "not a basic credential");
  return { identity: credential.identity, signatureKey: signaturePublicKey };
}

/** Where newcomers will sit: RFC 9420 §7.7 fills the leftmost blank leaf, or extends the tree. */
function takeLeaf(taken: Set<number>): number {
  let leafIndex = 0;
  while (taken.has(leafIndex)) leafIndex += 1;
  taken.add(leafIndex);
  return leafIndex;
}

export interface CommitFacts {
  readonly proposals: readonly ProposalWithSender[];
  /** A member's leaf, or the claim of one coming from outside. */
  readonly committer: number | LeafClaim;
  /** The roster after the commit, where it could be computed; the update path is read from it. */
  readonly after: Roster | undefined;
  readonly hasPath: boolean;
}

/** Says in members' terms what a commit does, before it is done. */
export function describeCommit(before: ActiveState, facts: CommitFacts): CommitChanges {
  const { groupContext, ratchetTree } = before.current;
  const roster = rosterOf(ratchetTree);
  const taken = new Set(roster.keys());
  const proposer = (sender: number | undefined, fallback: number) => sender ?? fallback;

  const removedLeaves = facts.proposals.flatMap(({ proposal, senderLeafIndex }) =>
    proposal.proposalType === "remove" ? [{ leafIndex: proposal.remove.removed, senderLeafIndex }] : [],
  );
  for (const { leafIndex } of removedLeaves) taken.delete(leafIndex);

  const external = typeof facts.committer !== "number";
  const committer: Member =
    typeof facts.committer === "number"
      ? memberAt(roster, facts.committer)
      : { leafIndex: takeLeaf(taken), ...facts.committer };

  const added = facts.proposals.flatMap(({ proposal, senderLeafIndex }) =>
    proposal.proposalType === "add"
      ? [
          {
            leafIndex: takeLeaf(taken),
            ...claimOf(proposal),
            proposer: proposer(senderLeafIndex, committer.leafIndex),
          },
        ]
      : [],
  );
  const policyChange = facts.proposals.find(
    ({ proposal }) => proposal.proposalType === "group_context_extensions",
  );
  const policy =
    policyChange?.proposal.proposalType === "group_context_extensions"
      ? policyOf(policyChange.proposal.groupContextExtensions.extensions)
      : undefined;
  const renewed = facts.hasPath && !external ? facts.after?.get(committer.leafIndex) : undefined;
  return {
    epoch: groupContext.epoch,
    external,
    committer,
    added,
    removed: removedLeaves.map(({ leafIndex, senderLeafIndex }) => ({
      ...memberAt(roster, leafIndex),
      proposer: proposer(senderLeafIndex, committer.leafIndex),
    })),
    updated:
      renewed === undefined
        ? undefined
        : { before: committer, after: { leafIndex: committer.leafIndex, ...renewed } },
    policy,
    policyProposer:
      policy === undefined ? undefined : proposer(policyChange?.senderLeafIndex, committer.leafIndex),
    membersBefore: membersOf(roster),
    policyBefore: policyOf(groupContext.extensions),
  };
}
