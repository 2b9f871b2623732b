import type { CiphersuiteImpl, ClientState, Proposal } from "ts-mls";
import { verifyKeyPackage } from "ts-mls/keyPackage.js";
import type { ProposalWithSender } from "ts-mls/unappliedProposals.js";
import { base64ToBytes } from "ts-mls/util/byteArray.js";
import { checkProposals, claimOf } from "./commit-changes.ts";
import type { PendingProposal, ProposalContent, StateChange } from "./engine-types.ts";
import { MlsError } from "./errors.ts";
import type { Roster } from "./group-state.ts";
import { memberAt, rosterOf } from "./group-state.ts";
import type { LeafGuard } from "./leaf-guard.ts";
import { equalBytes, isCurrent } from "./profile.ts";
import { KEYS, put } from "./records.ts";
import { encodeStoredProposal } from "./state-codec.ts";

function contentOf(proposal: Proposal): ProposalContent {
  if (proposal.proposalType === "add") return { kind: "add", ...claimOf(proposal) };
  if (proposal.proposalType === "remove") return { kind: "remove", leafIndex: proposal.remove.removed };
  throw new MlsError("unsupported", "only adds and removes are proposed by reference");
}

function pendingProposal(ref: string, { proposal, senderLeafIndex }: ProposalWithSender): PendingProposal {
  if (senderLeafIndex === undefined) throw new MlsError("unsupported", "a proposal from outside the group");
  return { ref: base64ToBytes(ref), proposer: senderLeafIndex, proposal: contentOf(proposal) };
}

/** In order of arrival. */
export function pendingProposals(state: ClientState): PendingProposal[] {
  return Object.entries(state.unappliedProposals).map(([ref, proposal]) => pendingProposal(ref, proposal));
}

/** The proposal that `after` has and `before` has not, and the record it adds. */
export function newProposal(
  before: ClientState,
  after: ClientState,
): { pending: PendingProposal; change: StateChange } {
  const known = new Set(Object.keys(before.unappliedProposals));
  const fresh = Object.entries(after.unappliedProposals).find(([ref]) => !known.has(ref));
  if (fresh === undefined) throw new MlsError("replayed", "the proposal is already pending");
  return {
    pending: pendingProposal(...fresh),
    change: put(KEYS.proposal(known.size), encodeStoredProposal(...fresh)),
  };
}

/**
 * Refuses a received proposal that no commit could carry; the library stores it unseen.
 * @throws MlsError `unsupported`, `invalid`, `unauthenticated`
 */
export async function checkReceivedProposal(
  { proposal, senderLeafIndex }: ProposalWithSender,
  {
    state,
    guard,
    suite,
  }: { readonly state: ClientState; readonly guard: LeafGuard; readonly suite: CiphersuiteImpl },
): Promise<void> {
  checkProposals([{ proposal, senderLeafIndex }], false);
  contentOf(proposal);
  const roster = rosterOf(state.ratchetTree);
  if (proposal.proposalType === "remove") memberAt(roster, proposal.remove.removed);
  if (proposal.proposalType !== "add") return;
  const claim = claimOf(proposal);
  if (hasKey(roster, claim.signatureKey)) throw new MlsError("invalid", "already a member");
  if (!(await verifyKeyPackage(proposal.add.keyPackage, suite.signature)))
    throw new MlsError("unauthenticated", "the key package's signature does not hold");
  await guard.require(claim, "entering");
}

function hasKey(roster: Roster, signatureKey: Uint8Array): boolean {
  for (const claim of roster.values()) if (equalBytes(claim.signatureKey, signatureKey)) return true;
  return false;
}

/**
 * The pending proposals a member can commit together, in order of arrival (RFC 9420 §12.2): not its own
 * removal, no leaf twice, no newcomer who is here, expired or refused.
 */
export async function committable(
  state: ClientState,
  {
    include,
    guard,
    nowMs,
  }: {
    readonly include: (pending: PendingProposal) => boolean;
    readonly guard: LeafGuard;
    readonly nowMs: number;
  },
): Promise<[ref: string, proposal: ProposalWithSender][]> {
  const roster = rosterOf(state.ratchetTree);
  const removed = new Set<number>([state.privatePath.leafIndex]);
  const newcomers: Uint8Array[] = [];
  const chosen: [string, ProposalWithSender][] = [];
  for (const [ref, stored] of Object.entries(state.unappliedProposals)) {
    const { proposal } = stored;
    if (proposal.proposalType === "remove") {
      const leafIndex = proposal.remove.removed;
      if (removed.has(leafIndex) || !roster.has(leafIndex) || !include(pendingProposal(ref, stored)))
        continue;
      removed.add(leafIndex);
    } else if (proposal.proposalType === "add") {
      const claim = claimOf(proposal);
      const known =
        hasKey(roster, claim.signatureKey) || newcomers.some((key) => equalBytes(key, claim.signatureKey));
      if (known || !isCurrent(proposal.add.keyPackage.leafNode.lifetime, nowMs)) continue;
      if (!include(pendingProposal(ref, stored)) || !(await guard.allows(claim, "entering"))) continue;
      newcomers.push(claim.signatureKey);
    } else continue;
    chosen.push([ref, stored]);
  }
  return chosen;
}
