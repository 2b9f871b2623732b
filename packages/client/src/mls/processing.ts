import type { ClientState, MLSMessage } from "ts-mls";
import { emptyPskIndex, processPrivateMessage, processPublicMessage } from "ts-mls";
import type { IncomingMessageCallback } from "ts-mls/incomingMessageAction.js";
import type { ProposalWithSender } from "ts-mls/unappliedProposals.js";
import { checkProposals, describeCommit } from "./commit-changes.ts";
import type { AuthorizeCommit, CommitChanges, Incoming, LeafClaim, StateChange } from "./engine-types.ts";
import { epochRecords, removedRecords } from "./epoch-records.ts";
import { MlsError } from "./errors.ts";
import { atBorder, saysNoKeyInPath } from "./faults.ts";
import type { ActiveState, PastEpoch } from "./group-state.ts";
import { advance, asReceiverData, atRest, leafThatMoved, memberAt, rosterOf, staleSecrets } from "./group-state.ts";
import { LeafGuard } from "./leaf-guard.ts";
import type { Outcome, Surroundings } from "./operation.ts";
import { ratchetChange, suiteFor, withConfig } from "./operation.ts";
import { clientConfig, equalBytes } from "./profile.ts";
import { checkReceivedProposal, newProposal } from "./proposals.ts";
import { KEYS, put } from "./records.ts";
import { encodeRatchets } from "./state-codec.ts";
import { decodeMessage } from "./wire.ts";

type PrivateMessage = Extract<MLSMessage, { wireformat: "mls_private_message" }>["privateMessage"];
type PublicMessage = Extract<MLSMessage, { wireformat: "mls_public_message" }>["publicMessage"];

/** What the library showed of a handshake message while processing it. */
type Seen =
  | { readonly kind: "commit"; readonly sender: number | undefined; readonly proposals: readonly ProposalWithSender[] }
  | { readonly kind: "proposal"; readonly proposal: ProposalWithSender };

interface Watch {
  seen: Seen | undefined;
}

/**
 * Accepts everything and remembers it. The judging comes afterwards: states are values, so a commit that turns
 * out unwanted is never put into force, and rules may be asynchronous.
 */
function watching(watch: Watch): IncomingMessageCallback {
  return (incoming) => {
    watch.seen =
      incoming.kind === "commit"
        ? { kind: "commit", sender: incoming.senderLeafIndex, proposals: incoming.proposals }
        : { kind: "proposal", proposal: incoming.proposal };
    return "accept";
  };
}

export async function processMessage(
  surroundings: Surroundings,
  state: ActiveState,
  bytes: Uint8Array,
  authorize: AuthorizeCommit,
): Promise<Outcome<Incoming>> {
  const message = decodeMessage(bytes);
  if (message.wireformat === "mls_private_message") {
    const { privateMessage } = message;
    checkGroup(state, privateMessage.groupId);
    return privateMessage.epoch < state.current.groupContext.epoch
      ? processLate(surroundings, state, privateMessage)
      : processPrivate(surroundings, state, privateMessage, authorize);
  }
  if (message.wireformat === "mls_public_message") {
    checkGroup(state, message.publicMessage.content.groupId);
    return processExternalCommit(surroundings, state, message.publicMessage, authorize);
  }
  throw new MlsError("unsupported", "only private messages and external commits belong in a room");
}

function checkGroup(state: ActiveState, groupId: Uint8Array): void {
  if (!equalBytes(groupId, state.current.groupContext.groupId))
    throw new MlsError("wrong-group", "the message is for another group");
}

function wrongEpoch(state: ActiveState, messageEpoch: bigint): MlsError {
  const groupEpoch = state.current.groupContext.epoch;
  const details = { messageEpoch, groupEpoch };
  return messageEpoch > groupEpoch
    ? new MlsError("future-epoch", "the message is from an epoch this group has not reached", details)
    : new MlsError("wrong-epoch", "the message is from an epoch that is over", details);
}

/** An application message that was sent before a commit its sender had not seen. */
async function processLate(
  surroundings: Surroundings,
  state: ActiveState,
  message: PrivateMessage,
): Promise<Outcome<Incoming>> {
  const past = state.past.find(({ epoch }) => epoch === message.epoch);
  if (past === undefined || message.contentType !== "application") throw wrongEpoch(state, message.epoch);
  const guard = new LeafGuard(surroundings.authenticationService, "present");
  const result = await atBorder("foreign", guard, () =>
    processPrivateMessage(
      {
        ...withConfig(state, clientConfig(guard)),
        historicalReceiverData: new Map([[past.epoch, asReceiverData(past)]]),
      },
      message,
      emptyPskIndex,
      suiteFor(surroundings, state),
    ),
  );
  const secretTree = result.newState.historicalReceiverData.get(past.epoch)?.secretTree;
  if (result.kind !== "applicationMessage" || secretTree === undefined) throw wrongEpoch(state, message.epoch);
  const leafIndex = leafThatMoved(past.secretTree, secretTree);
  const read: PastEpoch = { ...past, secretTree };
  const ratchets = secretTree[leafIndex * 2];
  if (ratchets === undefined) throw new MlsError("internal", "a ratchet moved that is not there");
  return {
    result: {
      kind: "application",
      epoch: past.epoch,
      sender: memberAt(past.roster, leafIndex),
      plaintext: result.message,
      authenticatedData: message.authenticatedData,
    },
    state: { ...state, past: state.past.map((epoch) => (epoch === past ? read : epoch)) },
    changes: [put(KEYS.ratchet(past.epoch, leafIndex), encodeRatchets(ratchets))],
    spent: result.consumed,
  };
}

async function processPrivate(
  surroundings: Surroundings,
  state: ActiveState,
  message: PrivateMessage,
  authorize: AuthorizeCommit,
): Promise<Outcome<Incoming>> {
  const { current } = state;
  if (message.epoch !== current.groupContext.epoch) throw wrongEpoch(state, message.epoch);
  const guard = new LeafGuard(surroundings.authenticationService, "entering");
  const suite = suiteFor(surroundings, state);
  const watch: Watch = { seen: undefined };
  const process = () =>
    processPrivateMessage(
      withConfig(state, clientConfig(guard)),
      message,
      emptyPskIndex,
      suite,
      watching(watch),
    );
  const result = await atBorder("foreign", guard, () => orRemoved(process, state, watch));
  const { authenticatedData } = message;

  if (result !== REMOVED && result.kind === "applicationMessage") {
    const leafIndex = leafThatMoved(current.secretTree, result.newState.secretTree);
    const next: ClientState = { ...current, secretTree: result.newState.secretTree };
    return {
      result: {
        kind: "application",
        epoch: message.epoch,
        sender: memberAt(rosterOf(current.ratchetTree), leafIndex),
        plaintext: result.message,
        authenticatedData,
      },
      state: { ...state, current: next },
      changes: [ratchetChange(next, leafIndex)],
      spent: result.consumed,
    };
  }

  const { seen } = watch;
  if (seen?.kind === "proposal" && result !== REMOVED) {
    await atBorder("foreign", guard, () => checkReceivedProposal(seen.proposal, current, guard, suite));
    const { secretTree, unappliedProposals } = result.newState;
    const next: ClientState = { ...current, secretTree, unappliedProposals };
    const { pending, change } = newProposal(current, next);
    return {
      result: { kind: "proposal", epoch: message.epoch, proposal: pending, authenticatedData },
      state: { ...state, current: next },
      changes: [ratchetChange(next, leafThatMoved(current.secretTree, secretTree)), change],
      spent: result.consumed,
    };
  }

  if (seen?.kind !== "commit" || seen.sender === undefined) throw new MlsError("internal", "a message left no trace");
  const commit = { proposals: seen.proposals, committer: seen.sender, authenticatedData };
  return concludeCommit(surroundings, state, commit, result, guard, authorize);
}

/** The only message that may come unencrypted: a device joins by itself (RFC 9420 §12.4.3.2). */
async function processExternalCommit(
  surroundings: Surroundings,
  state: ActiveState,
  message: PublicMessage,
  authorize: AuthorizeCommit,
): Promise<Outcome<Incoming>> {
  const { content } = message;
  if (content.contentType !== "commit" || content.sender.senderType !== "new_member_commit")
    throw new MlsError("unsupported", "members' messages must be encrypted");
  if (content.epoch !== state.current.groupContext.epoch) throw wrongEpoch(state, content.epoch);
  const { proposals, path } = content.commit;
  const inline = proposals.flatMap((entry) => (entry.proposalOrRefType === "proposal" ? [entry.proposal] : []));
  const inits = inline.filter(({ proposalType }) => proposalType === "external_init");
  const credential = path?.leafNode.credential;
  if (path === undefined || inline.length !== proposals.length || inits.length !== 1)
    throw new MlsError("invalid", "not an external commit");
  if (credential?.credentialType !== "basic") throw new MlsError("unsupported", "not a basic credential");
  checkProposals(
    inline.map((proposal) => ({ proposal, senderLeafIndex: undefined })),
    true,
  );
  const roster = rosterOf(state.current.ratchetTree);
  for (const proposal of inline) if (proposal.proposalType === "remove") memberAt(roster, proposal.remove.removed);

  const guard = new LeafGuard(surroundings.authenticationService, "entering");
  const watch: Watch = { seen: undefined };
  const process = async () => {
    const suite = suiteFor(surroundings, state);
    const config = clientConfig(guard);
    return processPublicMessage(withConfig(state, config), message, emptyPskIndex, suite, watching(watch));
  };
  const result = await atBorder("foreign", guard, () => orRemoved(process, state, watch));
  if (watch.seen?.kind !== "commit") throw new MlsError("internal", "a message left no trace");
  const committer: LeafClaim = { identity: credential.identity, signatureKey: path.leafNode.signaturePublicKey };
  const commit = { proposals: watch.seen.proposals, committer, authenticatedData: content.authenticatedData };
  return concludeCommit(surroundings, state, commit, result, guard, authorize);
}

const REMOVED = Symbol("removed");

/**
 * A member that a commit removes can't follow it. The library says so, or, when the leaf was filled again, finds
 * no key of ours in the update path; by then it has verified signature, proposals and the path's leaf.
 */
async function orRemoved<Result extends { readonly newState: ClientState }>(
  process: () => Promise<Result>,
  state: ActiveState,
  watch: Watch,
): Promise<Result | typeof REMOVED> {
  const own = state.current.privatePath.leafIndex;
  const removesUs = () =>
    watch.seen?.kind === "commit" &&
    watch.seen.proposals.some(({ proposal }) => proposal.proposalType === "remove" && proposal.remove.removed === own);
  try {
    const result = await process();
    return result.newState.groupActiveState.kind === "removedFromGroup" ? REMOVED : result;
  } catch (error) {
    if (removesUs() && saysNoKeyInPath(error)) return REMOVED;
    throw error;
  }
}

async function concludeCommit(
  surroundings: Surroundings,
  before: ActiveState,
  commit: {
    readonly proposals: readonly ProposalWithSender[];
    readonly committer: number | LeafClaim;
    readonly authenticatedData: Uint8Array;
  },
  result: { readonly newState: ClientState; readonly consumed: readonly Uint8Array[] } | typeof REMOVED,
  guard: LeafGuard,
  authorize: AuthorizeCommit,
): Promise<Outcome<Incoming>> {
  const { proposals, committer, authenticatedData } = commit;
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
