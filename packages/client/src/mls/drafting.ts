import type { CiphersuiteImpl, ClientState, Proposal } from "ts-mls";
import {
  createApplicationMessage,
  createCommit,
  createGroupInfoWithExternalPub,
  createProposal,
  emptyPskIndex,
} from "ts-mls";
import { consumeRatchet } from "ts-mls/secretTree.js";
import { describeCommit } from "./commit-changes.ts";
import type { CommitDraft, CommitRequest, Group, PendingProposal } from "./engine-types.ts";
import { epochRecords } from "./epoch-records.ts";
import { MlsError } from "./errors.ts";
import { atBorder } from "./faults.ts";
import type { ActiveState } from "./group-state.ts";
import { atRest, memberAt, rosterOf } from "./group-state.ts";
import { checkUsable } from "./key-packages.ts";
import { LeafGuard } from "./leaf-guard.ts";
import type { Outcome, Surroundings } from "./operation.ts";
import { ratchetChange, suiteFor, withConfig } from "./operation.ts";
import { encodePendingCommit } from "./pending.ts";
import { clientConfig, MAX_ADDS_PER_COMMIT, policyExtensions } from "./profile.ts";
import { committable, newProposal } from "./proposals.ts";
import {
  decodeKeyPackageMessage,
  encodeGroupInfoMessage,
  encodeMessage,
  encodeTree,
  encodeWelcome,
} from "./wire.ts";

const NOTHING = new Uint8Array(0);

export async function encryptMessage(
  surroundings: Surroundings,
  state: ActiveState,
  {
    plaintext,
    authenticatedData = NOTHING,
  }: { readonly plaintext: Uint8Array; readonly authenticatedData?: Uint8Array | undefined },
): Promise<Outcome<{ readonly message: Uint8Array }>> {
  const made = await atBorder("own", undefined, () =>
    createApplicationMessage(state.current, plaintext, suiteFor(surroundings, state), authenticatedData),
  );
  const next: ClientState = { ...state.current, secretTree: made.newState.secretTree };
  const { privateMessage } = made;
  return {
    result: {
      message: encodeMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage }),
    },
    state: { ...state, current: next },
    changes: [ratchetChange(next, next.privatePath.leafIndex)],
    spent: made.consumed,
  };
}

/** @throws MlsError `invalid` when a commit could not carry it */
export async function proposeChange(
  surroundings: Surroundings,
  state: ActiveState,
  {
    change,
    authenticatedData = NOTHING,
  }: {
    readonly change: Parameters<Group["propose"]>[0];
    readonly authenticatedData?: Uint8Array | undefined;
  },
): Promise<Outcome<{ readonly message: Uint8Array; readonly proposal: PendingProposal }>> {
  const proposal =
    change.kind === "add"
      ? addProposal(change.keyPackage, state, surroundings.nowMs())
      : removeProposal(change.leafIndex, state);
  const made = await atBorder("own", undefined, () =>
    createProposal(state.current, false, proposal, suiteFor(surroundings, state), authenticatedData),
  );
  const { secretTree, unappliedProposals } = made.newState;
  const next: ClientState = { ...state.current, secretTree, unappliedProposals };
  const { pending, change: stored } = newProposal(state.current, next);
  return {
    result: { message: encodeMessage(made.message), proposal: pending },
    state: { ...state, current: next },
    changes: [ratchetChange(next, next.privatePath.leafIndex), stored],
    spent: made.consumed,
  };
}

function addProposal(bytes: Uint8Array, state: ActiveState, nowMs: number): Proposal {
  const keyPackage = decodeKeyPackageMessage(bytes);
  checkUsable(keyPackage, state.suite, nowMs);
  return { proposalType: "add", add: { keyPackage } };
}

function removeProposal(leafIndex: number, state: ActiveState): Proposal {
  memberAt(rosterOf(state.current.ratchetTree), leafIndex);
  return { proposalType: "remove", remove: { removed: leafIndex } };
}

/**
 * Drafts a commit and the whole epoch it leads to. What moves on here and now is the own handshake ratchet:
 * should the commit be refused and another be drafted in the same epoch, no key is used twice.
 */
export async function draftCommit(
  surroundings: Surroundings,
  state: ActiveState,
  request: CommitRequest,
): Promise<Outcome<CommitDraft>> {
  const { current } = state;
  const suite = suiteFor(surroundings, state);
  const guard = new LeafGuard(surroundings.authenticationService, "entering");
  const byReference =
    request.policy === undefined
      ? await committable(current, {
          include: request.include ?? (() => true),
          guard,
          nowMs: surroundings.nowMs(),
        })
      : [];
  const inline = inlineProposals(request, state, {
    nowMs: surroundings.nowMs(),
    byReference: byReference.map(([, { proposal }]) => proposal),
  });

  const made = await atBorder("own", guard, () =>
    createCommit(
      {
        state: {
          ...withConfig(state, clientConfig(guard)),
          unappliedProposals: Object.fromEntries(byReference),
        },
        cipherSuite: suite,
        pskIndex: emptyPskIndex,
      },
      { extraProposals: inline, authenticatedData: request.authenticatedData ?? NOTHING },
    ),
  );
  const after = atRest(made.newState);
  const own = current.privatePath.leafIndex;
  const proposals = [
    ...byReference.map(([, proposal]) => proposal),
    ...inline.map((proposal) => ({ proposal, senderLeafIndex: own })),
  ];
  const { groupId, epoch } = current.groupContext;
  const ratchet = await consumeRatchet(current.secretTree, own * 2, "commit", suite);
  const next: ClientState = { ...current, secretTree: ratchet.newTree };
  return {
    result: {
      commit: encodeMessage(made.commit),
      welcome: made.welcome === undefined ? undefined : encodeWelcome(made.welcome),
      ratchetTree: encodeTree(after.ratchetTree),
      groupInfo: await exportGroupInfo(after, suite),
      pending: encodePendingCommit({
        kind: "commit",
        groupId,
        epoch,
        changes: epochRecords(after, current.ratchetTree),
      }),
      changes: describeCommit(state, {
        proposals,
        committer: own,
        after: rosterOf(after.ratchetTree),
        hasPath: after.ratchetTree[own * 2] !== current.ratchetTree[own * 2],
      }),
    },
    state: { ...state, current: next },
    changes: [ratchetChange(next, own)],
    // The library counts the epoch's init secret as used up; the group needs it should another commit win.
    spent: [...made.consumed.filter((secret) => secret !== current.keySchedule.initSecret), ratchet.key],
  };
}

function inlineProposals(
  request: CommitRequest,
  state: ActiveState,
  { nowMs, byReference }: { readonly nowMs: number; readonly byReference: readonly Proposal[] },
): Proposal[] {
  const add = request.add ?? [];
  const remove = request.remove ?? [];
  if (request.policy !== undefined) {
    if (add.length > 0 || remove.length > 0)
      throw new MlsError("invalid", "a policy change must stand alone");
    const extensions = policyExtensions(request.policy);
    return [{ proposalType: "group_context_extensions", groupContextExtensions: { extensions } }];
  }
  if (add.length > MAX_ADDS_PER_COMMIT)
    throw new MlsError("invalid", `at most ${MAX_ADDS_PER_COMMIT} members can be added at once`);
  if (remove.includes(state.current.privatePath.leafIndex))
    throw new MlsError("invalid", "a committer can't remove itself");
  if (new Set(remove).size !== remove.length) throw new MlsError("invalid", "a leaf is removed twice");
  const leaving = new Set(
    byReference.flatMap((p) => (p.proposalType === "remove" ? [p.remove.removed] : [])),
  );
  return [
    ...remove
      .filter((leafIndex) => !leaving.has(leafIndex))
      .map((leafIndex) => removeProposal(leafIndex, state)),
    ...add.map((keyPackage) => addProposal(keyPackage, state, nowMs)),
  ];
}

/** Signed, with the key outsiders need for an external commit, without the tree. */
export async function exportGroupInfo(state: ClientState, suite: CiphersuiteImpl): Promise<Uint8Array> {
  const groupInfo = await atBorder("own", undefined, () => createGroupInfoWithExternalPub(state, [], suite));
  return encodeGroupInfoMessage(groupInfo);
}
