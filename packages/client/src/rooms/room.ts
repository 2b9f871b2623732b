import type { RoomLogEntry } from "@parley/protocol";
import { idText } from "@parley/protocol";
import { ChatError } from "../chat/chat.ts";
import type { RelayConnection } from "../connection/connection.ts";
import { ConnectionError } from "../connection/connection.ts";
import type { RoomContent } from "../content/room-content.ts";
import type { Group, IdentityFor } from "../mls/index.ts";
import { MlsError } from "../mls/index.ts";
import { keysUnder, StoreError } from "../store/client-store.ts";
import { encodeRecord } from "../store/record.ts";
import { DirectoryUnavailable } from "./directory.ts";
import { EntryFeed } from "./entry-feed.ts";
import { LogOutOfOrder, processEntry } from "./entry-processing.ts";
import { NamedTimers } from "./named-timers.ts";
import type { RoomRole } from "./policy.ts";
import { atLeast, decodePolicy, effectiveRoles } from "./policy.ts";
import type { CommitPlan } from "./room-commits.ts";
import { RoomCommits } from "./room-commits.ts";
import type { DutyHost } from "./room-duties.ts";
import { RoomDuties, randomOf } from "./room-duties.ts";
import { proposeLeaving, wantingToLeave } from "./room-leaving.ts";
import { RoomNotices } from "./room-notices.ts";
import { RoomOutbox, SUPPLANTED } from "./room-outbox.ts";
import type { RoomRecord } from "./room-record.ts";
import { ChangeSet, fallenBehind, loadPendingCommit, loadRoomRecord, putRoomRecord } from "./room-record.ts";
import { repairDelayMs } from "./room-repair.ts";
import { RelayComparison, restoredSince, resumeAfter, rewind } from "./room-rewind.ts";
import type { RoomContext } from "./room-work.ts";
import { RoomWork } from "./room-work.ts";
import { SerialQueue } from "./serial-queue.ts";
import type { Timeline } from "./timeline.ts";

const STORE_RETRY_MS = 2_000;
/** Fruitless beginnings after which the operator of this client is told. */
const TOLD_LOSSES = 3;
const CONTRADICTED = "the relay now shows another history of this room than before";
const LOG_LOST = "the relay has lost the end of this room, as after a restored backup; ask its operator";
const NOT_KNOWN =
  "the server was put back from a backup and does not know this device in this room: let a member invite you again";

/** What a room tells its client. */
export interface RoomEvents {
  /** The record, the group or the outbox changed. */
  changed(): void;
  /** The timeline changed. */
  timelineChanged(): void;
  /** Entries were lost on the way in: ask the relay for everything after the cursor. */
  resume(): void;
  /** Something is wrong that no retry by the room will mend: the store failed. */
  failed(error: unknown): void;
}

/** One room: its group, its log, its outbox, kept in step by one serial queue. */
export class Room implements DutyHost {
  readonly context: RoomContext;
  readonly roomText: string;
  readonly queue: SerialQueue;
  readonly timeline: Timeline;
  readonly outbox: RoomOutbox;
  readonly commits: RoomCommits;
  record: RoomRecord;
  readonly #events: RoomEvents;
  readonly #heads = new Map<number, Uint8Array>();
  #group: Group | undefined;
  #connection: RelayConnection | undefined;
  #flushing = false;
  /** Something happened that may let messages go, since the last look. */
  #flushWanted = false;
  #comparison = new RelayComparison(0, 0);
  #closed = false;
  /** A task has failed: memory and store may differ. */
  #unsure = false;
  readonly #timers: NamedTimers;
  readonly #feed: EntryFeed;
  readonly #notices: RoomNotices;
  readonly #duties: RoomDuties;

  constructor(options: {
    readonly context: RoomContext;
    readonly record: RoomRecord;
    readonly timeline: Timeline;
    readonly identityFor: IdentityFor;
    readonly events: RoomEvents;
  }) {
    this.context = options.context;
    this.record = options.record;
    this.roomText = idText(options.record.room);
    this.timeline = options.timeline;
    this.#events = options.events;
    this.#timers = new NamedTimers(this.context.clock);
    this.queue = new SerialQueue({
      before: () => {
        if (this.#closed) throw new ChatError("offline", "this room is closed here");
        this.#reloadIfUnsure();
      },
      failed: (error) => {
        this.#unsure ||= !(error instanceof ChatError);
      },
    });
    this.#notices = new RoomNotices({
      context: this.context,
      queue: this.queue,
      timeline: this.timeline,
      cursor: () => this.record.cursor,
      onTold: () => this.#events.timelineChanged(),
    });
    this.#duties = new RoomDuties({
      host: this,
      identityFor: options.identityFor,
      timers: this.#timers,
      run: (task) => this.#run(task),
    });
    this.#feed = new EntryFeed({
      queue: this.queue,
      cursor: () => this.record.cursor,
      process: (batch) =>
        this.#process(async (work) => {
          for (const { bytes, entry } of batch) await processEntry(work, bytes, entry);
        }),
      onFailure: (error, losses) => this.#beginAgain(error, losses),
    });
    this.outbox = new RoomOutbox(this.context, this.roomText);
    this.commits = new RoomCommits(this, loadPendingCommit(this.context.store, this.roomText));
  }

  /** Whether messages can still come in: also when only the relay says that this device is out. */
  get open(): boolean {
    const { state, stateBeforeRelayRemoval } = this.record;
    return stateBeforeRelayRemoval !== undefined || (state !== "left" && state !== "removed");
  }

  connection(): RelayConnection | undefined {
    return this.#connection;
  }

  /** The group, read from the store when it is not in memory. Only inside the queue. */
  async group(): Promise<Group> {
    if (!this.#group) {
      const prefix = `${this.roomText}/`;
      const rows = this.context.store.range("group", keysUnder(prefix));
      this.#group = await this.context.engine.restore(
        rows.map(([key, bytes]) => [key.slice(prefix.length), bytes]),
      );
    }
    return this.#group;
  }

  setGroup(group: Group): void {
    this.#group = group;
  }

  /** The group if it is in memory already. */
  get loadedGroup(): Group | undefined {
    return this.#group;
  }

  /** Reads the group, so that {@link loadedGroup} is there. A group that cannot be read sends the room to repair. */
  async load(): Promise<void> {
    await this.queue.run(async () => {
      if (!this.open) this.#failWaiting();
      if (!this.open || this.#group) return;
      try {
        await this.group();
      } catch (error) {
        if (!(error instanceof MlsError)) throw error;
        this.writeRecord({ ...this.record, ...fallenBehind(this.record) });
      }
    });
  }

  /**
   * Takes an entry that the relay delivered. The promise resolves at once while there is room; the connection waits for
   * it otherwise.
   */
  deliver(bytes: Uint8Array, entry: RoomLogEntry): Promise<void> {
    return this.#feed.deliver({ bytes, entry });
  }

  /** Everything before this moment has been delivered: the room may act now. */
  async live(connection: RelayConnection): Promise<void> {
    await this.#feed.settled();
    this.#connection = connection;
    this.#comparison.caughtUp = true;
    await this.#endComparison();
    if (this.commits.pending) this.#run(() => this.commits.send(connection));
    if (this.record.state === "repairing") this.#duties.follow("rejoin");
    if (this.record.refused) this.#duties.follow("replace");
    if (this.record.state === "leaving") this.#run(() => proposeLeaving(this));
    if ((this.#group?.pendingProposals().length ?? 0) > 0) this.#duties.follow("commit-proposals");
    this.flush();
  }

  /** Where a relay of this restore generation is to begin its deliveries. */
  resumeAfter(generation: number): number {
    this.#comparison = new RelayComparison(this.record.cursor, generation);
    return resumeAfter(this.record, generation);
  }

  /** The relay's log ended here when its deliveries began (docs/protocol.md §3.3). */
  async endsAt(end: RelayComparison["end"]): Promise<void> {
    this.#comparison.end = end;
    await this.#endComparison();
  }

  /** Everything that the relay has was compared with what is known: a log that only ends too early is still to be met. */
  async #endComparison(): Promise<void> {
    const { end, caughtUp, generation, endsTooEarly } = this.#comparison;
    if (!end || !caughtUp || !this.#feed.isWhole) return;
    const restored = restoredSince(this.record, generation);
    if (endsTooEarly && restored === undefined) return this.#notices.tellOnce(LOG_LOST);
    await this.queue.run(async () => {
      if (endsTooEarly && restored !== undefined)
        await this.#process(async (work) => rewind(work, { ...end, generation: restored }));
      if (this.record.generation !== generation) this.writeRecord({ ...this.record, generation });
    });
  }

  disconnected(): void {
    this.#connection = undefined;
    this.#feed.clear();
    this.outbox.disconnected();
    this.#timers.cancelAll();
  }

  /** Finishes what is under way. Nothing may be asked of the room afterwards. */
  async close(): Promise<void> {
    this.disconnected();
    this.commits.close();
    await this.queue.settled();
    this.#closed = true;
  }

  resume(): void {
    this.#events.resume();
  }

  proposeLeavingAgain(delayMs: number): void {
    this.#timers.set("leave", delayMs, () => this.#run(() => proposeLeaving(this)));
  }

  resendCommit(delayMs: number): void {
    this.#timers.set("commit", delayMs, () => {
      const connection = this.#connection;
      if (connection) this.#run(() => this.commits.send(connection));
    });
  }

  /** Messages that wait to be sent. */
  get queued(): number {
    const { state } = this.record;
    return state === "removed" || state === "left" ? 0 : this.outbox.waiting;
  }

  #failWaiting(): void {
    this.outbox.fail([...this.outbox.items.keys()], "you are no longer in this room");
  }

  /**
   * The relay has this device off the roster. When that was the doing of a commit that this device refuses, a replacement
   * brings it back. Otherwise the room is closed, but only a commit takes the keys away: the relay's word alone could be a
   * lie, and when it feeds the room again, the room is open again.
   */
  async removedByRelay(connection: RelayConnection): Promise<void> {
    await this.#feed.settled();
    if (this.record.refused) return this.live(connection);
    this.#connection = undefined;
    await this.queue.run(() => {
      const { state } = this.record;
      if (state !== "active" && state !== "repairing" && state !== "leaving") return;
      const restored = restoredSince(this.record, this.#comparison.generation) !== undefined;
      if (restored) this.#run(() => this.#notices.tellOnce(NOT_KNOWN));
      const out = state === "leaving" ? "left" : "removed";
      this.writeRecord({ ...this.record, state: out, stateBeforeRelayRemoval: state });
    });
    this.#events.changed();
  }

  /** Puts a sentence into the timeline that no entry of the room's log says. */
  tell(text: string): Promise<void> {
    return this.#notices.tell(text);
  }

  /** Puts a message on disk and sends it as soon as it can. @returns its client id as text. */
  send(content: RoomContent): string {
    const { state } = this.record;
    if (state === "removed" || state === "left" || state === "leaving") {
      throw new ChatError("not-allowed", "you are no longer in this room");
    }
    const id = this.outbox.add(content);
    this.#events.changed();
    if (content.kind === "text") this.#events.timelineChanged();
    this.flush();
    return id;
  }

  /** Sends what waits, unless that is going on or something must come first. */
  flush(): void {
    this.#flushWanted = true;
    if (this.#flushing) return;
    this.#flushing = true;
    this.#run(async () => {
      try {
        while (this.#flushWanted) {
          this.#flushWanted = false;
          await this.#sendBatch();
        }
      } finally {
        this.#flushing = false;
      }
    });
  }

  /** Commits what `plan` asks for; see RoomCommits.commit. */
  commit(plan: (group: Group) => CommitPlan | undefined | Promise<CommitPlan | undefined>): Promise<void> {
    return this.commits.commit(plan);
  }

  /**
   * Leaves: proposes the own removal again in each epoch until somebody has committed it. A room that this device is out of
   * already is only put out of sight.
   */
  async leave(): Promise<void> {
    await this.queue.run(() => this.writeRecord({ ...this.record, ...wantingToLeave(this.record) }));
    this.#events.changed();
    if (this.#connection) await proposeLeaving(this);
  }

  /** The relay knows the room now. */
  async born(): Promise<void> {
    await this.queue.run(() => this.writeRecord({ ...this.record, unborn: undefined }));
  }

  /** The role of an account by the rules of the present epoch. */
  roleOf(account: Uint8Array): RoomRole {
    return this.#roles().get(idText(account)) ?? "member";
  }

  /** Whether this account has at least the role `least`. */
  may(least: RoomRole): boolean {
    return atLeast(this.roleOf(this.context.me.account), least);
  }

  async markRead(): Promise<void> {
    if (this.record.unread === 0) return;
    await this.queue.run(() => {
      this.writeRecord({ ...this.record, unread: 0, mentions: 0, lastReadSeq: this.record.cursor });
    });
    this.#events.changed();
  }

  #roles(): ReadonlyMap<string, RoomRole> {
    const group = this.#group;
    if (!group?.policy) return new Map();
    const { directory } = this.context;
    const accounts = group.members().map(({ identity }) => directory.addressOf(identity).account);
    return effectiveRoles(decodePolicy(group.policy), accounts);
  }

  /** Stores the record, with other changes. Only inside the queue. */
  writeRecord(record: RoomRecord, changes = new ChangeSet()): void {
    putRoomRecord(changes, this.roomText, record);
    this.context.store.write(changes.list());
    this.record = record;
  }

  /** Asks for the entries anew: at once, then at growing intervals while that brings nothing. */
  #beginAgain(error: unknown, losses: number): void {
    this.#unsure = true;
    const isPassing =
      error instanceof LogOutOfOrder ||
      error instanceof DirectoryUnavailable ||
      (error instanceof StoreError && error.retryable);
    if (!isPassing) return this.#events.failed(error);
    if (losses === TOLD_LOSSES) this.#events.failed(error);
    if (losses === 0 && !(error instanceof StoreError)) return this.#events.resume();
    this.#timers.set("resume", repairDelayMs(losses, randomOf(this.context)), () => this.#events.resume());
  }

  /** After a failure the store may be ahead of memory or behind it: everything is read anew. */
  #reloadIfUnsure(): void {
    if (!this.#unsure) return;
    const { store } = this.context;
    this.record = loadRoomRecord(store, this.roomText);
    this.outbox.reload();
    this.commits.reload(loadPendingCommit(store, this.roomText));
    this.#group = undefined;
    this.#heads.clear();
    this.timeline.forgetTail();
    this.#unsure = false;
    this.#retry();
  }

  /** Carries out what changes the room's work, and makes it durable. */
  async #process(change: (work: RoomWork) => Promise<void>): Promise<void> {
    const group = this.open ? await this.#groupOrNone() : undefined;
    const work = new RoomWork({
      context: this.context,
      roomText: this.roomText,
      record: this.record,
      timeline: this.timeline,
      group,
      pending: this.commits.pending,
      outbox: this.outbox.items,
      heads: this.#heads,
      restored: restoredSince(this.record, this.#comparison.generation),
    });
    work.reopen();
    await change(work);
    const toTell = work.followUps.delete("tell-state") ? this.outbox.prepareState(work.record) : undefined;
    const changes = work.finish();
    if (toTell) changes.put("outbox", toTell.key, encodeRecord(toTell.item));
    this.context.store.write(changes.list());
    const epochBefore = this.#group?.epoch;
    this.record = work.record;
    this.#group = work.group;
    if (toTell) this.outbox.adopt(toTell);
    for (const fault of work.faults) this.#events.failed(fault);
    if (work.contradicted) this.#run(() => this.#notices.tellOnce(CONTRADICTED));
    if (work.rewound) this.timeline.forgetTail();
    this.#comparison.rewound ||= work.rewound;
    this.outbox.forget(work.sent);
    this.outbox.fail(work.altered, SUPPLANTED);
    if (!this.open) this.#failWaiting();
    if (work.decided && this.commits.pending) this.commits.decided(work.decided);
    if (work.items.size > 0) this.timeline.appended(work.items);
    for (const followUp of work.followUps) if (followUp !== "tell-state") this.#duties.follow(followUp);
    if (this.record.state === "leaving" && work.group?.epoch !== epochBefore && this.#connection) {
      this.#run(() => proposeLeaving(this));
    }
    if (this.record.state === "active") this.#duties.followed();
    this.#events.changed();
    if (work.items.size > 0 || work.sent.size > 0) this.#events.timelineChanged();
    this.context.disappearing.scheduled(work.firstExpiryMs);
    this.flush();
  }

  async #groupOrNone(): Promise<Group | undefined> {
    try {
      return await this.group();
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
      this.record = { ...this.record, ...fallenBehind(this.record) };
      this.#duties.follow("rejoin");
      return undefined;
    }
  }

  async #sendBatch(): Promise<void> {
    const connection = this.#connection;
    if (!connection || this.outbox.waiting === 0) return;
    const batch = await this.queue.run(async () => {
      if (this.commits.pending || this.record.refused || this.record.state !== "active") return undefined;
      const group = await this.group();
      if (group.pendingProposals().length > 0) {
        this.#duties.follow("commit-proposals");
        return undefined;
      }
      const { cursor: seq, head: hash } = this.record;
      const encrypted = await this.outbox.encryptBatch(group, { seq, hash });
      if (encrypted) this.#group = encrypted.group;
      return encrypted?.batch;
    });
    if (!batch) return;
    const outcome = await this.outbox.send(connection, batch, {
      room: this.record.room,
      cursor: () => this.record.cursor,
    });
    if (outcome.kind === "wait") this.#timers.set("flush", outcome.retryAfterMs, () => this.flush());
    this.#events.timelineChanged();
  }

  /** The last one out: nobody is left to commit the removal. */
  leaveAlone(): void {
    this.#group = undefined;
    const changes = new ChangeSet();
    changes.forgetGroup(this.roomText);
    this.writeRecord({ ...this.record, state: "left", key: new Uint8Array(0) }, changes);
    this.#failWaiting();
    this.#events.changed();
  }

  /** Background work: what the network or the relay refuses is tried again by the next event, the rest is told. */
  #run(task: () => Promise<unknown>): void {
    task().catch((error: unknown) => {
      if (error instanceof ConnectionError || (error instanceof ChatError && error.retryable)) return;
      if (error instanceof StoreError && error.retryable)
        this.#timers.set("store", STORE_RETRY_MS, () => this.#retry());
      this.#events.failed(error);
    });
  }

  /** The store could not be written: whatever waits is tried again. */
  #retry(): void {
    const connection = this.#connection;
    if (connection) this.#run(() => this.live(connection));
  }
}
