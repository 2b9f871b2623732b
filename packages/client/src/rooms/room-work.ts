import { sha256 } from "@noble/hashes/sha2.js";
import type { DeviceAddress, RoomLogEntry } from "@parley/protocol";
import { bytesEqual } from "@parley/protocol";
import type { Clock } from "../connection/clock.ts";
import type { LogWatch } from "../log/log-watch.ts";
import type { Group, MlsEngine, Step } from "../mls/index.ts";
import type { HeardFromMember } from "../people/known-people.ts";
import type { ClientStore } from "../store/client-store.ts";
import { seqKey } from "../store/record.ts";
import type { Directory } from "./directory.ts";
import type { DisappearingMessages } from "./disappearing.ts";
import { putExpiry } from "./disappearing.ts";
import type { OutboxItem, PendingCommit, RoomRecord } from "./room-record.ts";
import { ChangeSet, putRoomRecord, timelineKey } from "./room-record.ts";
import type { StoredItem, Timeline } from "./timeline.ts";

/** What all rooms of a client share. */
export interface RoomContext {
  readonly me: DeviceAddress;
  readonly myName: string;
  readonly store: ClientStore;
  readonly engine: MlsEngine;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Compares views of the server's log with the other members. */
  readonly gossip: Pick<LogWatch, "gossipFor" | "heard" | "heardAlarm">;
  /** Is told when messages that are on disk go away. */
  readonly disappearing: Pick<DisappearingMessages, "scheduled">;
  /** Takes what members say of themselves and of others. */
  readonly people: {
    /** @returns a sentence for the timeline, if there is one. Throws ProtocolError `malformed`. */
    heard(heard: HeardFromMember): string | undefined;
  };
}

/** What a batch of entries asks the room to do once it is on disk. */
export type FollowUp =
  /** A refused commit wants a replacement (docs/protocol.md §5.4). */
  | "replace"
  /** This device cannot follow and must come back by an external commit. */
  | "rejoin"
  /** A proposal waits for somebody's commit. */
  | "commit-proposals"
  /** Somebody came in and may not know the room's name. */
  | "tell-state";

const KEPT_HEADS = 512;

/**
 * The room while a batch of entries is processed: copies that take the place of the room's own once every change is
 * durable, and are thrown away when the write fails (design rule: memory never runs ahead of the store).
 */
export class RoomWork {
  readonly context: RoomContext;
  readonly roomText: string;
  readonly record: RoomRecord;
  readonly timeline: Timeline;
  readonly changes = new ChangeSet();
  readonly items = new Map<string, StoredItem>();
  readonly followUps = new Set<FollowUp>();
  /** Own messages that were found in the log, by client id text. */
  readonly sent = new Set<string>();
  /** What this program could not cope with; the entry is a gap. */
  readonly faults: unknown[] = [];
  /** The relay has sent an entry that differs from what it sent before under the same number. */
  contradicted = false;
  /** Own messages in whose place the log has something else. */
  readonly altered = new Set<string>();
  /** The relay's restore generation, when it has grown since the cursor was last known to be right. */
  readonly restored: number | undefined;
  /** The cursor went back: items have other keys now. */
  rewound = false;
  /** When the first of this batch's messages goes away. */
  firstExpiryMs = Number.POSITIVE_INFINITY;
  group: Group | undefined;
  pending: PendingCommit | undefined;
  /** What became of the pending commit the batch began with. */
  decided: "accepted" | "beaten" | undefined;
  readonly #outbox: ReadonlyMap<string, { readonly key: string; readonly item: OutboxItem }>;
  readonly #heads: Map<number, Uint8Array>;
  #itemsOfEntry = 0;

  constructor(options: {
    readonly context: RoomContext;
    readonly roomText: string;
    readonly record: RoomRecord;
    readonly timeline: Timeline;
    readonly group: Group | undefined;
    readonly pending: PendingCommit | undefined;
    readonly outbox: ReadonlyMap<string, { readonly key: string; readonly item: OutboxItem }>;
    readonly heads: Map<number, Uint8Array>;
    readonly restored?: number | undefined;
  }) {
    this.context = options.context;
    this.roomText = options.roomText;
    this.record = { ...options.record };
    this.timeline = options.timeline;
    this.group = options.group;
    this.pending = options.pending;
    this.#outbox = options.outbox;
    this.#heads = options.heads;
    this.restored = options.restored;
  }

  /** The relay feeds the room: if it had said that this device is off the roster, that is over. */
  reopen(): void {
    const { stateBeforeRelayRemoval } = this.record;
    if (stateBeforeRelayRemoval === undefined) return;
    this.record.state = stateBeforeRelayRemoval;
    this.record.stateBeforeRelayRemoval = undefined;
  }

  /** Moves the cursor over `entry` and keeps the log's new head. */
  advance(entry: RoomLogEntry, bytes: Uint8Array): void {
    const { record, roomText } = this;
    record.head = sha256.create().update(record.head).update(bytes).digest();
    record.cursor = entry.seq;
    this.#itemsOfEntry = 0;
    this.#heads.set(entry.seq, record.head);
    this.#heads.delete(entry.seq - KEPT_HEADS);
    this.changes.put("head", `${roomText}/${seqKey(entry.seq)}`, record.head);
    if (entry.seq > KEPT_HEADS) this.changes.delete("head", `${roomText}/${seqKey(entry.seq - KEPT_HEADS)}`);
  }

  /** Whether an entry that was processed before is another one now; false when that cannot be told. */
  differsFromKnown({ seq }: RoomLogEntry, bytes: Uint8Array): boolean {
    const [before, after] = [this.knownHead(seq - 1), this.knownHead(seq)];
    if (!before || !after) return false;
    return !bytesEqual(sha256.create().update(before).update(bytes).digest(), after);
  }

  /** The log's head after entry `seq`, if it is still known. */
  knownHead(seq: number): Uint8Array | undefined {
    if (seq === this.record.cursor) return this.record.head;
    return this.#heads.get(seq) ?? this.context.store.get("head", `${this.roomText}/${seqKey(seq)}`);
  }

  /**
   * Whether a member's copy of the log agrees with this one at `seq`: false is proof that the relay showed two
   * histories, undefined that this device no longer or never knew.
   */
  agreesWithHead(seq: number, hash: Uint8Array): boolean | undefined {
    if (seq > this.record.cursor) return false;
    const known = this.knownHead(seq);
    return known && bytesEqual(known, hash);
  }

  /** Takes a step of the group into the batch. The group in memory is spent: it is read anew if the write fails. */
  settle<R>(step: Step<R, Group>): R {
    this.changes.group(this.roomText, step.changes);
    this.group = step.settle();
    return step.result;
  }

  /** Adds an item to the timeline at the current entry. @returns its key. */
  addItem(item: StoredItem): string {
    const key = timelineKey(this.record.cursor, this.#itemsOfEntry++);
    this.putItem(key, item);
    return key;
  }

  putItem(key: string, item: StoredItem): void {
    this.items.set(key, item);
    if (item.kind === "message" && item.expiresAtMs !== undefined) {
      putExpiry(this.changes, `${this.roomText}/${key}`, item.expiresAtMs);
      this.firstExpiryMs = Math.min(this.firstExpiryMs, item.expiresAtMs);
    }
    this.timeline.put(this.changes, key, item);
  }

  addEvent(atMs: number, text: string): void {
    this.addItem({ kind: "event", seq: this.record.cursor, atMs, text });
  }

  /** An item of this batch or of an earlier one. */
  getItem(key: string): StoredItem | undefined {
    return this.items.get(key) ?? this.timeline.get(key);
  }

  /**
   * The own message with this client id, unless the log has had it before. `altered`: the log has something under this id
   * that this device has not made; the message then stays, as failed.
   */
  takeFromOutbox(clientIdText: string, message: Uint8Array): OutboxItem | "altered" | undefined {
    const found = this.#outbox.get(clientIdText);
    if (!found || this.sent.has(clientIdText) || this.altered.has(clientIdText)) return undefined;
    const digest = sha256(message);
    if (!found.item.ciphers?.some((cipher) => bytesEqual(cipher, digest))) {
      this.altered.add(clientIdText);
      return "altered";
    }
    this.sent.add(clientIdText);
    this.changes.delete("outbox", found.key);
    return found.item;
  }

  /** The pending commit is decided; either way it is not sent again. */
  decide(outcome: "accepted" | "beaten"): void {
    this.decided = outcome;
    this.pending = undefined;
    this.changes.delete("pending-commit", this.roomText);
  }

  /** Everything to write, with the record as it is now. */
  finish(): ChangeSet {
    this.record.policy = this.group?.policy ?? this.record.policy;
    putRoomRecord(this.changes, this.roomText, this.record);
    return this.changes;
  }
}
