import type { DeviceAddress, Request } from "@parley/protocol";
import {
  bytesEqual,
  decode,
  deviceText,
  encode,
  idText,
  ProtocolError,
  request as requestCodec,
} from "@parley/protocol";
import { ChatError } from "../chat/chat.ts";
import type { RelayConnection } from "../connection/connection.ts";
import { ConnectionError } from "../connection/connection.ts";
import type { CommitDraft, CommitRequest, Group } from "../mls/index.ts";
import { encodeRecord } from "../store/record.ts";
import { leaversOf } from "./commit-events.ts";
import type { PendingCommit, RoomRecord } from "./room-record.ts";
import { ChangeSet } from "./room-record.ts";
import type { RoomContext } from "./room-work.ts";
import { sealRejoinState } from "./sealed-state.ts";
import type { SerialQueue } from "./serial-queue.ts";

const CLIENT_ID_BYTES = 16;
const MAX_ATTEMPTS = 12;

type CommitFrame = Extract<Request, { kind: "commit" }>;

/** What a commit is to do. */
export interface CommitPlan {
  readonly request: CommitRequest;
  /** The signed inbox items for those added. */
  readonly invitations?: (welcome: Uint8Array, epoch: number) => Promise<CommitFrame["added"]>;
}

/** What commits need of their room. */
export interface CommitHost {
  readonly context: RoomContext;
  readonly roomText: string;
  readonly queue: SerialQueue;
  readonly record: RoomRecord;
  group(): Promise<Group>;
  setGroup(group: Group): void;
  /** The connection on which the room is live. */
  connection(): RelayConnection | undefined;
  /** Inside the queue. */
  writeRecord(record: RoomRecord): void;
  /** Puts a sentence into the timeline. */
  tell(text: string): Promise<void>;
  /** Asks the relay for what comes after the cursor. */
  resume(): void;
  /** Sends the pending commit again after this time, on the same connection. */
  resendCommit(delayMs: number): void;
}

type Decision = "accepted" | "beaten" | "abandoned";

/** A relay that cannot write now gets the same commit again. */
const RESEND_MS = 2_000;

/**
 * The commits of this device in one room (design §5 rules 1 and 2). A commit is on disk before it is sent; it comes into
 * force when it is seen in the room's log, is dropped when another is seen there for its epoch, and is sent again, the
 * same, after a lost connection.
 */
export class RoomCommits {
  readonly #host: CommitHost;
  #pending: PendingCommit | undefined;
  #decision = Promise.withResolvers<Decision>();
  #closed = false;

  constructor(host: CommitHost, pending: PendingCommit | undefined) {
    this.#host = host;
    this.#pending = pending;
  }

  get pending(): PendingCommit | undefined {
    return this.#pending;
  }

  /** What the store holds, after memory and store may have come apart. A commit that is gone was decided meanwhile. */
  reload(pending: PendingCommit | undefined): void {
    if (this.#pending && !pending) this.decided("beaten");
    this.#pending = pending;
  }

  /** The log has decided about the pending commit, and that is on disk. */
  decided(decision: Decision): void {
    this.#pending = undefined;
    this.#decision.resolve(decision);
    this.#decision = Promise.withResolvers();
  }

  /** Nobody waits any longer: the client closes. The pending commit stays on disk. */
  close(): void {
    this.#closed = true;
    this.#decision.resolve("abandoned");
  }

  /**
   * Commits what `plan` asks for, against each new state of the group until it wins. `plan` returns undefined when
   * nothing is left to do. Resolves when the commit is in force here.
   *
   * Throws ChatError `offline` (before anything was sent, or because the client closes), `not-allowed`, `refused`.
   */
  async commit(
    plan: (group: Group) => CommitPlan | undefined | Promise<CommitPlan | undefined>,
  ): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (this.#pending) await this.#decision.promise;
      requirePlace(this.#host.record);
      const connection = this.#host.connection();
      if (!connection || this.#closed) throw new ChatError("offline", "not connected: this needs the relay");
      const drafted = await this.#host.queue.run(() => this.#draft(plan));
      if (drafted === "nothing") return;
      if (drafted === "again") continue;
      const decision = this.#decision.promise;
      await this.send(connection);
      if ((await decision) === "accepted") return;
    }
    throw new ChatError("refused", "too many others changed the room at the same time; try again");
  }

  /** Keeps a rejoin as the pending commit; runs inside the room's queue. */
  keep(pending: PendingCommit): void {
    const changes = new ChangeSet();
    changes.put("pending-commit", this.#host.roomText, encodeRecord(pending));
    this.#host.context.store.write(changes.list());
    this.#pending = pending;
  }

  /** Sends the pending commit, for the first time or again. A lost connection is no error: it is sent again later. */
  async send(connection: RelayConnection): Promise<void> {
    const pending = this.#pending;
    if (!pending) return;
    const request = decode(requestCodec, pending.request);
    // A replaced commit may have put this device off the roster: it is fed again from now on.
    const isReplacement = request.kind === "commit" && request.replaces !== 0;
    try {
      const { seq } = await connection.request(request, "appended");
      await this.#decidedAt(pending, seq);
    } catch (error) {
      if (error instanceof ConnectionError) return;
      if (!(error instanceof ProtocolError)) throw error;
      await this.#refused(pending, error, isReplacement);
    }
    if (isReplacement) this.#host.resume();
  }

  async #refused(pending: PendingCommit, error: ProtocolError, isReplacement: boolean): Promise<void> {
    const { code, data } = error;
    if (code === "epoch-conflict") return this.#decidedAt(pending, data.winnerSeq ?? 0);
    // Replacements are few an hour: somebody else has some left.
    const again = error.retryable && code !== "stale-epoch" && !(isReplacement && code === "rate-limited");
    if (again) return this.#host.resendCommit(data.retryAfterMs || RESEND_MS);
    await this.#host.queue.run(() => this.#drop(pending));
    throw new ChatError("refused", `the relay refused the change (${code})`);
  }

  /** The log decides at entry `seq`, which is on its way. When it has gone by and decided nothing, the commit is lost. */
  async #decidedAt(pending: PendingCommit, seq: number): Promise<void> {
    await this.#host.queue.run(() => {
      if (seq <= this.#host.record.cursor) this.#drop(pending);
    });
  }

  #drop(pending: PendingCommit): void {
    // Not the same object when memory has been read anew meanwhile.
    if (!this.#pending || !bytesEqual(this.#pending.clientId, pending.clientId)) return;
    this.#host.context.store.write([
      { kind: "delete", collection: "pending-commit", key: this.#host.roomText },
    ]);
    this.decided("beaten");
  }

  async #draft(plan: (group: Group) => CommitPlan | undefined | Promise<CommitPlan | undefined>) {
    if (this.#pending) return "again" as const;
    const { context, roomText, record } = this.#host;
    requirePlace(record);
    const group = await this.#host.group();
    const planned = await plan(group);
    if (!planned) return "nothing" as const;
    const step = await group.commit(planned.request);
    const frame = await this.#frame(group, step.result, planned);
    const pending: PendingCommit = {
      clientId: frame.clientId,
      epoch: frame.epoch,
      request: encode(requestCodec, frame),
      secret: step.result.pending,
      leavers: [...leaversOf({ context }, step.result.changes)],
      rejoin: false,
    };
    const changes = new ChangeSet();
    changes.group(roomText, step.changes);
    changes.put("pending-commit", roomText, encodeRecord(pending));
    context.store.write(changes.list());
    this.#host.setGroup(step.settle());
    this.#pending = pending;
    return "drafted" as const;
  }

  async #frame(group: Group, draft: CommitDraft, plan: CommitPlan): Promise<CommitFrame> {
    const { context, record } = this.#host;
    const epoch = Number(group.epoch);
    const addressOf = ({ identity }: { identity: Uint8Array }) => context.directory.addressOf(identity);
    const { welcome, ratchetTree } = draft;
    const added = welcome && plan.invitations ? await plan.invitations(welcome, epoch + 1) : [];
    const told = new Set(added.map(({ device }) => deviceText(device)));
    if (draft.changes.added.map(addressOf).some((device) => !told.has(deviceText(device)))) {
      throw new ChatError("internal", "a device was added without an invitation");
    }
    return {
      kind: "commit",
      room: record.room,
      clientId: context.randomBytes(CLIENT_ID_BYTES),
      epoch,
      // While a refused commit is not replaced, every other commit has to stand in for it.
      replaces: record.refused?.seq ?? 0,
      message: draft.commit,
      added,
      removed: draft.changes.removed.map(addressOf),
      ratchetTree: welcome ? ratchetTree : new Uint8Array(0),
      groupInfo: await sealRejoinState(record.key, record.room, draft),
    };
  }
}

function requirePlace({ state }: RoomRecord): void {
  if (state === "active" || state === "leaving") return;
  if (state === "repairing" || state === "joining") {
    throw new ChatError("refused", "this device is still coming back into the room; try again in a moment");
  }
  throw new ChatError("not-allowed", "you are no longer in this room");
}

/** The leaves of `accounts` (as text) in `group`. */
export function leavesOf(
  group: Group,
  addressOf: (identity: Uint8Array) => DeviceAddress,
  accounts: ReadonlySet<string>,
): readonly number[] {
  return group
    .members()
    .filter(({ identity }) => accounts.has(idText(addressOf(identity).account)))
    .map(({ leafIndex }) => leafIndex);
}
