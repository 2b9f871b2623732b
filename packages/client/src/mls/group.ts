import { mlsExporter, zeroOutUint8Array } from "ts-mls";
import { draftCommit, encryptMessage, exportGroupInfo, proposeChange } from "./drafting.ts";
import type {
  AuthorizeCommit,
  CommitRequest,
  Group,
  Member,
  PendingProposal,
  Step,
  Suite,
} from "./engine-types.ts";
import { epochFrom } from "./epoch-records.ts";
import { MlsError } from "./errors.ts";
import { atBorder } from "./faults.ts";
import type { ActiveState, GroupState } from "./group-state.ts";
import { advance, membersOf, rosterOf, sameClaim, staleSecrets } from "./group-state.ts";
import type { Outcome, Surroundings } from "./operation.ts";
import { requireActive, suiteFor } from "./operation.ts";
import { decodePendingCommit } from "./pending.ts";
import { processMessage } from "./processing.ts";
import { equalBytes, policyOf } from "./profile.ts";
import { pendingProposals } from "./proposals.ts";
import { encodeTree } from "./wire.ts";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** Turns an outcome into a step; `onSettle` marks the group it came from as spent. */
export function makeStep<Result>(
  surroundings: Surroundings,
  outcome: Outcome<Result>,
  onSettle: () => void,
): Step<Result, Group> {
  let settled: Group | undefined;
  return {
    result: outcome.result,
    changes: outcome.changes,
    settle() {
      if (settled === undefined) {
        onSettle();
        for (const secret of outcome.spent) zeroOutUint8Array(secret);
        settled = new MlsGroup(surroundings, outcome.state);
      }
      return settled;
    },
  };
}

class MlsGroup implements Group {
  readonly #surroundings: Surroundings;
  readonly #state: GroupState;
  #spent = false;

  constructor(surroundings: Surroundings, state: GroupState) {
    this.#surroundings = surroundings;
    this.#state = state;
  }

  get groupId(): Uint8Array {
    return this.#state.kind === "removed" ? this.#state.groupId : this.#state.current.groupContext.groupId;
  }

  get suite(): Suite {
    return this.#state.suite;
  }

  get epoch(): bigint {
    return this.#state.kind === "removed" ? this.#state.epoch : this.#state.current.groupContext.epoch;
  }

  get active(): boolean {
    return this.#state.kind === "active";
  }

  get ownLeafIndex(): number {
    return requireActive(this.#state).current.privatePath.leafIndex;
  }

  get epochAuthenticator(): Uint8Array {
    return requireActive(this.#state).current.keySchedule.epochAuthenticator.slice();
  }

  get policy(): Uint8Array | undefined {
    return policyOf(requireActive(this.#state).current.groupContext.extensions);
  }

  members(): readonly Member[] {
    return this.#state.kind === "removed" ? [] : membersOf(rosterOf(this.#state.current.ratchetTree));
  }

  pendingProposals(): readonly PendingProposal[] {
    return pendingProposals(requireActive(this.#state).current);
  }

  async exporter(label: string, context: Uint8Array, lengthBytes: number): Promise<Uint8Array> {
    const state = this.#usable();
    const suite = suiteFor(this.#surroundings, state);
    if (lengthBytes > 255 * suite.kdf.size) throw new MlsError("invalid", "too long for an exported secret");
    const { exporterSecret } = state.current.keySchedule;
    return atBorder("own", undefined, () => mlsExporter(exporterSecret, label, context, lengthBytes, suite));
  }

  ratchetTree(): Uint8Array {
    return encodeTree(this.#usable().current.ratchetTree);
  }

  groupInfo(): Promise<Uint8Array> {
    const state = this.#usable();
    return exportGroupInfo(state.current, suiteFor(this.#surroundings, state));
  }

  async encrypt(plaintext: Uint8Array, authenticatedData?: Uint8Array) {
    return this.#step(
      await encryptMessage(this.#surroundings, this.#usable(), { plaintext, authenticatedData }),
    );
  }

  async propose(proposal: Parameters<Group["propose"]>[0], authenticatedData?: Uint8Array) {
    return this.#step(
      await proposeChange(this.#surroundings, this.#usable(), { change: proposal, authenticatedData }),
    );
  }

  async commit(request: CommitRequest) {
    return this.#step(await draftCommit(this.#surroundings, this.#usable(), request));
  }

  async merge(pending: Uint8Array) {
    return this.#step(await mergePending(this.#surroundings, this.#usable(), pending));
  }

  async process(message: Uint8Array, authorizeCommit: AuthorizeCommit) {
    return this.#step(
      await processMessage(this.#surroundings, this.#usable(), {
        bytes: message,
        authorize: authorizeCommit,
      }),
    );
  }

  toJSON(): string {
    return this.toString();
  }

  toString(): string {
    return `MLS group, epoch ${this.epoch}${this.active ? "" : ", removed"}`;
  }

  [INSPECT](): string {
    return this.toString();
  }

  #usable(): ActiveState {
    if (this.#spent) throw new MlsError("spent", "the group has moved on: use the one settle() gave");
    return requireActive(this.#state);
  }

  #step<Result>(outcome: Outcome<Result>): Step<Result, Group> {
    return makeStep(this.#surroundings, outcome, () => {
      if (this.#spent) throw new MlsError("spent", "another step of this group was settled first");
      this.#spent = true;
    });
  }
}

/** A group at rest, from its restored state. */
export function groupOf(surroundings: Surroundings, state: GroupState): Group {
  return new MlsGroup(surroundings, state);
}

async function mergePending(
  surroundings: Surroundings,
  before: ActiveState,
  bytes: Uint8Array,
): Promise<Outcome<{ epoch: bigint; added: Member[]; removed: Member[] }>> {
  const pending = decodePendingCommit(bytes, "commit");
  const { groupId, epoch } = before.current.groupContext;
  if (!equalBytes(pending.groupId, groupId))
    throw new MlsError("wrong-group", "the commit is for another group");
  if (pending.epoch !== epoch)
    throw new MlsError("wrong-epoch", "the commit was drafted in another epoch", {
      messageEpoch: pending.epoch,
      groupEpoch: epoch,
    });
  const after = await epochFrom(surroundings.crypto, pending.changes, before.current.ratchetTree);
  const next = advance(before, after);
  const old = rosterOf(before.current.ratchetTree);
  const now = rosterOf(after.ratchetTree);
  return {
    result: {
      epoch: after.groupContext.epoch,
      added: membersOf(now).filter((member) => !sameClaim(member, old.get(member.leafIndex))),
      removed: membersOf(old).filter((member) => !sameClaim(member, now.get(member.leafIndex))),
    },
    state: next.state,
    changes: [...next.changes, ...pending.changes],
    spent: staleSecrets(before.current, after),
  };
}
