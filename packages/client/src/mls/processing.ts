import type { ClientState, MLSMessage } from "ts-mls";
import { emptyPskIndex, processPrivateMessage, processPublicMessage } from "ts-mls";
import { checkProposals } from "./commit-changes.ts";
import type { AuthorizeCommit, Incoming, LeafClaim } from "./engine-types.ts";
import { MlsError } from "./errors.ts";
import { atBorder } from "./faults.ts";
import type { ActiveState, PastEpoch } from "./group-state.ts";
import { asReceiverData, leafThatMoved, memberAt, rosterOf } from "./group-state.ts";
import { LeafGuard } from "./leaf-guard.ts";
import type { Outcome, Surroundings } from "./operation.ts";
import { ratchetChange, suiteFor, withConfig } from "./operation.ts";
import { clientConfig, equalBytes } from "./profile.ts";
import { checkReceivedProposal, newProposal } from "./proposals.ts";
import type { Watch } from "./received-commit.ts";
import { concludeCommit, orRemoved, REMOVED, watching } from "./received-commit.ts";
import { KEYS, put } from "./records.ts";
import { encodeRatchets } from "./state-codec.ts";
import { decodeMessage } from "./wire.ts";

type PrivateMessage = Extract<MLSMessage, { wireformat: "mls_private_message" }>["privateMessage"];
type PublicMessage = Extract<MLSMessage, { wireformat: "mls_public_message" }>["publicMessage"];

export async function processMessage(
  surroundings: Surroundings,
  state: ActiveState,
  received: { readonly bytes: Uint8Array; readonly authorize: AuthorizeCommit },
): Promise<Outcome<Incoming>> {
  const message = decodeMessage(received.bytes);
  const { authorize } = received;
  if (message.wireformat === "mls_private_message") {
    const { privateMessage } = message;
    checkGroup(state, privateMessage.groupId);
    return privateMessage.epoch < state.current.groupContext.epoch
      ? processLate(surroundings, state, privateMessage)
      : processPrivate(surroundings, state, { message: privateMessage, authorize });
  }
  if (message.wireformat === "mls_public_message") {
    checkGroup(state, message.publicMessage.content.groupId);
    return processExternalCommit(surroundings, state, { message: message.publicMessage, authorize });
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
  if (result.kind !== "applicationMessage" || secretTree === undefined)
    throw wrongEpoch(state, message.epoch);
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
  { message, authorize }: { readonly message: PrivateMessage; readonly authorize: AuthorizeCommit },
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
    await atBorder("foreign", guard, () =>
      checkReceivedProposal(seen.proposal, { state: current, guard, suite }),
    );
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

  if (seen?.kind !== "commit" || seen.sender === undefined)
    throw new MlsError("internal", "a message left no trace");
  const commit = { proposals: seen.proposals, committer: seen.sender, authenticatedData };
  return concludeCommit(state, { ...commit, result, guard }, authorize);
}

/** The only message that may come unencrypted: a device joins by itself (RFC 9420 §12.4.3.2). */
async function processExternalCommit(
  surroundings: Surroundings,
  state: ActiveState,
  { message, authorize }: { readonly message: PublicMessage; readonly authorize: AuthorizeCommit },
): Promise<Outcome<Incoming>> {
  const { content } = message;
  if (content.contentType !== "commit" || content.sender.senderType !== "new_member_commit")
    throw new MlsError("unsupported", "members' messages must be encrypted");
  if (content.epoch !== state.current.groupContext.epoch) throw wrongEpoch(state, content.epoch);
  const { proposals, path } = content.commit;
  const inline = proposals.flatMap((entry) =>
    entry.proposalOrRefType === "proposal" ? [entry.proposal] : [],
  );
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
  for (const proposal of inline)
    if (proposal.proposalType === "remove") memberAt(roster, proposal.remove.removed);

  const guard = new LeafGuard(surroundings.authenticationService, "entering");
  const watch: Watch = { seen: undefined };
  const process = async () => {
    const suite = suiteFor(surroundings, state);
    const config = clientConfig(guard);
    return processPublicMessage(withConfig(state, config), message, emptyPskIndex, suite, watching(watch));
  };
  const result = await atBorder("foreign", guard, () => orRemoved(process, state, watch));
  if (watch.seen?.kind !== "commit") throw new MlsError("internal", "a message left no trace");
  const committer: LeafClaim = {
    identity: credential.identity,
    signatureKey: path.leafNode.signaturePublicKey,
  };
  const commit = { proposals: watch.seen.proposals, committer, authenticatedData: content.authenticatedData };
  return concludeCommit(state, { ...commit, result, guard }, authorize);
}
