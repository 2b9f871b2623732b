import type { RoomLogEntry } from "@parley/protocol";
import { idText } from "@parley/protocol";
import { ChatError } from "../chat/chat.ts";
import type { RelayConnection } from "../connection/connection.ts";
import { ConnectionError } from "../connection/connection.ts";
import type { RoomContent } from "../content/room-content.ts";
import type { Group, IdentityFor } from "../mls/index.ts";
import { MlsError } from "../mls/index.ts";
import { keysUnder, StoreError } from "../store/client-store.ts";
import { encodeRecord, seqKey } from "../store/record.ts";
import { DirectoryUnavailable } from "./directory.ts";
import { LogOutOfOrder, processEntry } from "./entry-processing.ts";
import { NamedTimers } from "./named-timers.ts";
import type { RoomRole } from "./policy.ts";
import { atLeast, decodePolicy, effectiveRoles } from "./policy.ts";
import type { CommitHost, CommitPlan } from "./room-commits.ts";
import { RoomCommits } from "./room-commits.ts";
import type { QueuedItem } from "./room-outbox.ts";
import { RoomOutbox } from "./room-outbox.ts";
import type { RoomRecord } from "./room-record.ts";
import { ChangeSet, loadPendingCommit, loadRoomRecord, putRoomRecord, timelineKey } from "./room-record.ts";
import { rejoin, repairDelayMs } from "./room-repair.ts";
import type { FollowUp, RoomContext } from "./room-work.ts";
import { RoomWork } from "./room-work.ts";
import { SerialQueue } from "./serial-queue.ts";
import type { Timeline } from "./timeline.ts";

/** Entries that are made durable together. */
const BATCH_ENTRIES = 256;
/** Entries that may wait before the connection is held back. */
const MAX_WAITING_ENTRIES = 1024;
/** Members act on what all of them could act on one after the other, so that mostly one does. */
const STAGGER_MS = 400;
const CLIENT_ID_BYTES = 16;
const STORE_RETRY_MS = 2_000;
const REPLACE_RETRY_MS = 60_000;
/** Fruitless beginnings after which the operator of this client is told. */
const TOLD_LOSSES = 3;
/** How far behind all who stay somebody who leaves stands in line. */
const LEAVER_RANK = 10;

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
export class Room implements CommitHost {
  readonly context: RoomContext;
  readonly roomText: string;
  readonly queue: SerialQueue;
  readonly timeline: Timeline;
  readonly outbox: RoomOutbox;
  readonly commits: RoomCommits;
  record: RoomRecord;
  readonly #events: RoomEvents;
  readonly #identityFor: IdentityFor;
  readonly #heads = new Map<number, Uint8Array>();
  #group: Group | undefined;
  #connection: RelayConnection | undefined;
  #waiting: { readonly bytes: Uint8Array; readonly entry: RoomLogEntry }[] = [];
  #draining: Promise<void> | undefined;
  #flushing = false;
  /** Something happened that may let messages go, since the last look. */
  #flushWanted = false;
  #repairs = 0;
  /** Entries are missing: what does not follow the cursor is passed over until the relay has begun again. */
  #missing = false;
  /** Times in a row that the relay began again without any progress. */
  #losses = 0;
  #contradictionTold = false;
  #closed = false;
  /** A task has failed: memory and store may differ. */
  #unsure = false;
  #told = 0;
  readonly #timers: NamedTimers;

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
    this.#identityFor = options.identityFor;
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
        this.#writeRecord({ ...this.record, state: "repairing" });
      }
    });
  }

  /**
   * Takes an entry that the relay delivered. The promise resolves at once while there is room; the connection waits for
   * it otherwise.
   */
  deliver(bytes: Uint8Array, entry: RoomLogEntry): Promise<void> {
    if (this.#missing && entry.seq > this.record.cursor + 1) return Promise.resolve();
    this.#missing = false;
    this.#waiting.push({ bytes, entry });
    this.#draining ??= this.queue.run(() => this.#drain());
    return this.#waiting.length > MAX_WAITING_ENTRIES ? this.#draining : Promise.resolve();
  }

  /** Everything before this moment has been delivered: the room may act now. */
  async live(connection: RelayConnection): Promise<void> {
    await this.#draining;
    this.#connection = connection;
    if (this.commits.pending) this.#run(() => this.commits.send(connection));
    if (this.record.state === "repairing") this.#follow("rejoin");
    if (this.record.refused) this.#follow("replace");
    if (this.record.state === "leaving") this.#run(() => this.#proposeLeaving());
    if ((this.#group?.pendingProposals().length ?? 0) > 0) this.#follow("commit-proposals");
    this.flush();
  }

  disconnected(): void {
    this.#connection = undefined;
    this.#waiting = [];
    this.#missing = false;
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
    await this.#draining;
    if (this.record.refused) return this.live(connection);
    this.#connection = undefined;
    await this.queue.run(() => {
      const { state } = this.record;
      if (state !== "active" && state !== "repairing" && state !== "leaving") return;
      const out = state === "leaving" ? "left" : "removed";
      this.#writeRecord({ ...this.record, state: out, stateBeforeRelayRemoval: state });
    });
    this.#events.changed();
  }

  /** Puts a sentence into the timeline that no entry of the room's log says. */
  async tell(text: string): Promise<void> {
    await this.queue.run(() => {
      const { cursor: seq } = this.record;
      const atMs = this.context.clock.nowMs();
      // After whatever came from the entry itself, in the order of being told.
      const key = `${timelineKey(seq)}~${seqKey(atMs)}${seqKey(this.#told++)}`;
      const item = { kind: "event", seq, atMs, text } as const;
      const changes = new ChangeSet();
      this.timeline.put(changes, key, item);
      this.context.store.write(changes.list());
      this.timeline.appended(new Map([[key, item]]));
    });
    this.#events.timelineChanged();
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

  /** Leaves: proposes the own removal again in each epoch until somebody has committed it. */
  async leave(): Promise<void> {
    await this.queue.run(() => this.#writeRecord({ ...this.record, state: "leaving" }));
    this.#events.changed();
    if (this.#connection) await this.#proposeLeaving();
  }

  /** The relay knows the room now. */
  async born(): Promise<void> {
    await this.queue.run(() => this.#writeRecord({ ...this.record, unborn: undefined }));
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
      this.#writeRecord({ ...this.record, unread: 0, mentions: 0, lastReadSeq: this.record.cursor });
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

  #writeRecord(record: RoomRecord, changes = new ChangeSet()): void {
    putRoomRecord(changes, this.roomText, record);
    this.context.store.write(changes.list());
    this.record = record;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#processBatch(this.#waiting.splice(0, BATCH_ENTRIES));
    } catch (error) {
      this.#unsure = true;
      this.#waiting = [];
      this.#missing = true;
      if (error instanceof LogOutOfOrder || error instanceof DirectoryUnavailable) this.#beginAgain(error);
      else if (error instanceof StoreError && error.retryable)
        this.#timers.set("resume", STORE_RETRY_MS, () => this.#events.resume());
      else this.#events.failed(error);
    } finally {
      this.#draining = undefined;
    }
  }

  /** Asks for the entries anew: at once, then at growing intervals while that brings nothing. */
  #beginAgain(error: unknown): void {
    const losses = this.#losses++;
    if (losses === 0) return this.#events.resume();
    if (losses === TOLD_LOSSES) this.#events.failed(error);
    this.#timers.set("resume", repairDelayMs(losses - 1, this.#random()), () => this.#events.resume());
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

  async #processBatch(
    batch: readonly { readonly bytes: Uint8Array; readonly entry: RoomLogEntry }[],
  ): Promise<void> {
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
    });
    work.reopen();
    for (const { bytes, entry } of batch) await processEntry(work, bytes, entry);
    const toTell = work.followUps.delete("tell-state") ? this.#stateMessage(work.record) : undefined;
    const changes = work.finish();
    if (toTell) changes.put("outbox", toTell.key, encodeRecord(toTell.item));
    this.context.store.write(changes.list());

    if (work.record.cursor > this.record.cursor) this.#losses = 0;
    const epochBefore = this.#group?.epoch;
    this.record = work.record;
    this.#group = work.group;
    if (toTell) this.outbox.adopt(toTell);
    for (const fault of work.faults) this.#events.failed(fault);
    if (work.contradicted) this.#tellContradiction();
    this.outbox.forget(work.sent);
    this.outbox.fail(work.altered, "the relay put something else in its place");
    if (!this.open) this.#failWaiting();
    if (work.decided && this.commits.pending) this.commits.decided(work.decided);
    if (work.items.size > 0) this.timeline.appended(work.items);
    for (const followUp of work.followUps) if (followUp !== "tell-state") this.#follow(followUp);
    if (this.record.state === "leaving" && work.group?.epoch !== epochBefore && this.#connection) {
      this.#run(() => this.#proposeLeaving());
    }
    if (this.record.state === "active") this.#repairs = 0;
    this.#events.changed();
    if (work.items.size > 0 || work.sent.size > 0) this.#events.timelineChanged();
    this.flush();
  }

  async #groupOrNone(): Promise<Group | undefined> {
    try {
      return await this.group();
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
      this.record = { ...this.record, state: "repairing" };
      this.#follow("rejoin");
      return undefined;
    }
  }

  async #sendBatch(): Promise<void> {
    const connection = this.#connection;
    if (!connection || this.commits.pending || this.record.refused || this.record.state !== "active") return;
    if (this.outbox.waiting === 0) return;
    const batch = await this.queue.run(async () => {
      const group = await this.group();
      if (group.pendingProposals().length > 0) {
        this.#follow("commit-proposals");
        return undefined;
      }
      const { cursor: seq, head: hash } = this.record;
      const encrypted = await this.outbox.encryptBatch(group, { seq, hash });
      if (encrypted) this.#group = encrypted.group;
      return encrypted?.batch;
    });
    if (!batch) return;
    const outcome = await this.outbox.send(connection, this.record.room, batch);
    if (outcome.kind === "wait") this.#timers.set("flush", outcome.retryAfterMs, () => this.flush());
    this.#events.timelineChanged();
  }

  /** What joiners do not know: stored with the entry that calls for it, so that a crash does not leave them without. */
  #stateMessage({ state, name, topic, key }: RoomRecord): QueuedItem | undefined {
    if (state !== "active" || key.length === 0) return undefined;
    return this.outbox.prepare({ kind: "state", name, topic, key });
  }

  #tellContradiction(): void {
    if (this.#contradictionTold) return;
    this.#contradictionTold = true;
    this.#run(() => this.tell("the relay now shows another history of this room than before"));
  }

  #follow(followUp: Exclude<FollowUp, "tell-state">): void {
    switch (followUp) {
      case "commit-proposals":
        return this.#timers.set(followUp, this.#turn(), () => this.#run(() => this.#commitProposals()));
      case "replace":
        return this.#timers.set(followUp, this.#turn(), () => this.#run(() => this.#replaceRefused()));
      case "rejoin": {
        if (this.#timers.runs(followUp)) return;
        const wait = repairDelayMs(this.#repairs++, this.#random());
        return this.#timers.set(followUp, wait, () => this.#run(() => this.#rejoin()));
      }
    }
  }

  /** How long this member lets others go first: by its place among the leaves. */
  #turn(): number {
    const group = this.#group;
    const place = group ? group.members().findIndex(({ leafIndex }) => leafIndex === group.ownLeafIndex) : 0;
    const rank =
      (this.may("admin") ? place : place + 4) + (this.record.state === "leaving" ? LEAVER_RANK : 0);
    return Math.min(rank, 20) * STAGGER_MS + this.#random() * STAGGER_MS;
  }

  #random(): number {
    const [a = 0, b = 0] = this.context.randomBytes(2);
    return (a * 256 + b) / 65536;
  }

  async #commitProposals(): Promise<void> {
    const { state } = this.record;
    if (state !== "active" && state !== "leaving") return;
    // Who leaves cannot commit the own removal, but those of others: two who leave together must not wait for ever.
    await this.commits.commit((group) => {
      const proposals = group.pendingProposals();
      const others = proposals.filter(({ proposer }) => proposer !== group.ownLeafIndex);
      return (state === "leaving" ? others : proposals).length > 0 ? { request: {} } : undefined;
    });
    this.flush();
  }

  /** docs/protocol.md §5.4: stands in for the refused commit, and puts its maker out if that is in our power. */
  async #replaceRefused(): Promise<void> {
    const { refused, state } = this.record;
    if (!refused || (state !== "active" && state !== "leaving")) return;
    try {
      await this.commits.commit(() => (this.record.refused ? { request: {} } : undefined));
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      this.#timers.set("replace", REPLACE_RETRY_MS, () => this.#run(() => this.#replaceRefused()));
    }
    this.flush();
  }

  async #rejoin(): Promise<void> {
    if (this.record.state !== "repairing" || !this.#connection) return;
    const possible = await rejoin(this, this.commits, this.#identityFor);
    if (!possible && this.record.refused && this.#group) {
      // The relay's GroupInfo is as bad as the commit: nobody can have followed it.
      await this.queue.run(() => this.#writeRecord({ ...this.record, state: "active" }));
      this.#follow("replace");
    }
    if (this.record.state === "repairing") this.#follow("rejoin");
  }

  async #proposeLeaving(): Promise<void> {
    const connection = this.#connection;
    if (!connection || this.record.state !== "leaving") return;
    const proposal = await this.queue.run(async () => {
      const group = await this.group();
      if (group.members().length === 1) return this.#leaveAlone();
      const epoch = Number(group.epoch);
      if (this.record.leaveProposal?.epoch === epoch) return this.record.leaveProposal;
      const step = await group.propose({ kind: "remove", leafIndex: group.ownLeafIndex });
      const { message } = step.result;
      const leaveProposal = { clientId: this.context.randomBytes(CLIENT_ID_BYTES), epoch, message };
      const changes = new ChangeSet();
      changes.group(this.roomText, step.changes);
      this.#writeRecord({ ...this.record, leaveProposal }, changes);
      this.#group = step.settle();
      return leaveProposal;
    });
    if (!proposal) return;
    const { clientId, message, epoch } = proposal;
    const { room } = this.record;
    await connection.request({ kind: "append", room, clientId, epoch, proposal: true, message }, "appended");
  }

  /** The last one out: nobody is left to commit the removal. */
  #leaveAlone(): undefined {
    this.#group = undefined;
    const changes = new ChangeSet();
    changes.forgetGroup(this.roomText);
    this.#writeRecord({ ...this.record, state: "left", key: new Uint8Array(0) }, changes);
    this.#failWaiting();
    this.#events.changed();
    return undefined;
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
