import { sha256 } from "@noble/hashes/sha2.js";
import { idText, ProtocolError } from "@parley/protocol";
import type { RelayConnection } from "../connection/connection.ts";
import { ConnectionError } from "../connection/connection.ts";
import type { LogHead, RoomContent } from "../content/room-content.ts";
import { encodeRoomContent } from "../content/room-content.ts";
import type { Group } from "../mls/index.ts";
import type { StoreChange } from "../store/client-store.ts";
import { keysUnder } from "../store/client-store.ts";
import { decodeRecord, encodeRecord, seqKey } from "../store/record.ts";
import type { OutboxItem, RoomRecord } from "./room-record.ts";
import { ChangeSet } from "./room-record.ts";
import type { RoomContext } from "./room-work.ts";

const CLIENT_ID_BYTES = 16;
const SALT_BYTES = 16;
/** How many messages are encrypted and stored together before they are sent. */
const BATCH = 32;
/** How many encryptions of one message are remembered: one for each time it raced a commit. */
const KEPT_CIPHERS = 15;

/** An item with the key it is stored under. */
export interface QueuedItem {
  readonly key: string;
  readonly item: OutboxItem;
}

/** What sending a batch came to. */
export type SendOutcome =
  /** All were taken. They leave the outbox when they come back in the log. */
  | { readonly kind: "sent" }
  /** Not now: the room moved on, or the connection ended. Try after the next entry or connection. */
  | { readonly kind: "later" }
  /** Not before this many milliseconds. */
  | { readonly kind: "wait"; readonly retryAfterMs: number };

/**
 * The messages of one room that are not in its log yet, in order, on disk. A message keeps its client id until it is
 * seen in the log, so that sending it again after any accident is harmless (design §4 rule 2). Encryption happens at the
 * moment of sending, in the epoch of that moment: a message refused as stale is encrypted anew.
 */
export class RoomOutbox {
  readonly #context: RoomContext;
  readonly #roomText: string;
  readonly #items = new Map<string, QueuedItem>();
  /** Client ids sent on the present connection and not refused. */
  readonly #inFlight = new Set<string>();
  #nextPlace = 1;

  constructor(context: RoomContext, roomText: string) {
    this.#context = context;
    this.#roomText = roomText;
    this.reload();
  }

  /** Reads anew what the store holds. Whatever was under way is sent again. */
  reload(): void {
    this.#items.clear();
    this.#inFlight.clear();
    for (const [key, value] of this.#context.store.range("outbox", keysUnder(`${this.#roomText}/`))) {
      const item = decodeRecord<OutboxItem>(value);
      this.#items.set(idText(item.clientId), { key, item });
      const place = Number.parseInt(key.slice(this.#roomText.length + 1), 16);
      this.#nextPlace = Math.max(this.#nextPlace, place + 1);
    }
  }

  /** All items by client id text, in order. */
  get items(): ReadonlyMap<string, QueuedItem> {
    return this.#items;
  }

  /** How many wait to be sent. */
  get waiting(): number {
    let count = 0;
    for (const { item } of this.#items.values()) if (!item.failed) count += 1;
    return count;
  }

  /** Puts a message on disk. @returns its client id as text. Throws StoreError. */
  add(content: RoomContent): string {
    const queued = this.prepare(content);
    this.#context.store.write([this.#put(queued)]);
    return this.adopt(queued);
  }

  /** Makes a message, for being stored with other changes; then comes {@link adopt}, before the next is made. */
  prepare(content: RoomContent): QueuedItem {
    const item: OutboxItem = {
      clientId: this.#context.randomBytes(CLIENT_ID_BYTES),
      salt: this.#context.randomBytes(SALT_BYTES),
      content,
      createdAtMs: this.#context.clock.nowMs(),
    };
    return { key: `${this.#roomText}/${seqKey(this.#nextPlace)}`, item };
  }

  /** What joiners do not know: stored with the entry that calls for it, so that a crash does not leave them without. */
  prepareState({ state, name, topic, key }: RoomRecord): QueuedItem | undefined {
    if (state !== "active" || key.length === 0) return undefined;
    return this.prepare({ kind: "state", name, topic, key });
  }

  /** Takes a message that is on disk into memory. @returns its client id as text. */
  adopt(queued: QueuedItem): string {
    this.#nextPlace += 1;
    const id = idText(queued.item.clientId);
    this.#items.set(id, queued);
    return id;
  }

  /** These were found in the log, and their removal is on disk. */
  forget(clientIds: Iterable<string>): void {
    for (const id of clientIds) {
      this.#items.delete(id);
      this.#inFlight.delete(id);
    }
  }

  /** The connection ended: whatever was under way may have to be sent again. */
  disconnected(): void {
    this.#inFlight.clear();
  }

  /** A failed message may go again, under a new client id. @returns false when there is no such failed message. */
  retry(clientId: string): boolean {
    const queued = this.#items.get(clientId);
    if (!queued?.item.failed) return false;
    const { key, item } = queued;
    const again: QueuedItem = {
      key,
      item: {
        ...item,
        clientId: this.#context.randomBytes(CLIENT_ID_BYTES),
        failed: undefined,
        ciphers: undefined,
      },
    };
    this.#context.store.write([this.#put(again)]);
    this.#replace(clientId, again);
    return true;
  }

  /** These will not be sent again by themselves. */
  fail(clientIds: Iterable<string>, reason: string): void {
    for (const id of clientIds) {
      const queued = this.#items.get(id);
      if (!queued || queued.item.failed) continue;
      const failed: QueuedItem = { key: queued.key, item: { ...queued.item, failed: reason } };
      this.#context.store.write([this.#put(failed)]);
      this.#items.set(id, failed);
      this.#inFlight.delete(id);
    }
  }

  /** Keeps the place of `clientId` in the order. */
  #replace(clientId: string, by: QueuedItem): void {
    const items = [...this.#items].map(([id, queued]) =>
      id === clientId ? ([idText(by.item.clientId), by] as const) : ([id, queued] as const),
    );
    this.#items.clear();
    for (const [id, queued] of items) this.#items.set(id, queued);
  }

  /**
   * Encrypts the next messages in order and makes the group's new state durable. Must run alone in the room's queue.
   * @returns the group to use from now on, and what to hand to {@link send}; undefined when nothing waits.
   */
  async encryptBatch(
    group: Group,
    head: LogHead,
  ): Promise<{ group: Group; batch: readonly EncryptedItem[] } | undefined> {
    if (this.#inFlight.size > 0) return undefined;
    const next = [...this.#items.values()].filter(({ item }) => !item.failed).slice(0, BATCH);
    if (next.length === 0) return undefined;
    const changes = new ChangeSet();
    const batch: EncryptedItem[] = [];
    let tree = this.#context.gossip.gossipFor(this.#roomText, changes);
    for (const queued of next) {
      const { item } = queued;
      const plaintext = encodeRoomContent(item.content as RoomContent, { salt: item.salt, head, tree });
      tree = undefined;
      const step = await group.encrypt(plaintext);
      changes.group(this.#roomText, step.changes);
      const ciphers = [...(item.ciphers ?? []).slice(-KEPT_CIPHERS), sha256(step.result.message)];
      const ready: QueuedItem = { key: queued.key, item: { ...item, ciphers } };
      changes.put("outbox", queued.key, encodeRecord(ready.item));
      batch.push({ queued: ready, message: step.result.message, epoch: Number(group.epoch) });
      group = step.settle();
    }
    this.#context.store.write(changes.list());
    for (const { queued } of batch) {
      const id = idText(queued.item.clientId);
      this.#items.set(id, queued);
      this.#inFlight.add(id);
    }
    return { group, batch };
  }

  /** Sends an encrypted batch, all of it before the first answer. */
  async send(
    connection: RelayConnection,
    batch: readonly EncryptedItem[],
    { room, cursor }: { readonly room: Uint8Array; readonly cursor: () => number },
  ): Promise<SendOutcome> {
    const outcomes = await Promise.all(
      batch.map(async ({ queued, message, epoch }): Promise<SendOutcome> => {
        const { clientId } = queued.item;
        try {
          const { seq } = await connection.request(
            { kind: "append", room, clientId, epoch, proposal: false, message },
            "appended",
          );
          // Its place has gone by, and something else was there.
          if (seq <= cursor()) this.fail([idText(clientId)], SUPPLANTED);
          return { kind: "sent" };
        } catch (error) {
          this.#inFlight.delete(idText(clientId));
          return this.#refused(queued, error);
        }
      }),
    );
    return (
      outcomes.find(({ kind }) => kind === "wait") ??
      outcomes.find(({ kind }) => kind === "later") ?? { kind: "sent" }
    );
  }

  #refused(queued: QueuedItem, error: unknown): SendOutcome {
    if (error instanceof ConnectionError) return { kind: "later" };
    if (!(error instanceof ProtocolError)) throw error;
    if (error.code === "rate-limited") return { kind: "wait", retryAfterMs: error.data.retryAfterMs ?? 1000 };
    if (error.code === "storage-unavailable" || error.code === "internal")
      return { kind: "wait", retryAfterMs: 5000 };
    if (error.retryable) return { kind: "later" };
    this.fail([idText(queued.item.clientId)], FAILURES[error.code] ?? `the relay refused it (${error.code})`);
    return { kind: "sent" };
  }

  #put({ key, item }: QueuedItem): StoreChange {
    return { kind: "put", collection: "outbox", key, value: encodeRecord(item) };
  }
}

/** Why a message failed in whose place the log has something else. */
export const SUPPLANTED = "the relay put something else in its place";

const FAILURES: Partial<Record<ProtocolError["code"], string>> = {
  forbidden: "you are no longer in this room",
  "not-found": "the relay does not know this room",
  "too-large": "it is too long",
  "over-quota": "you have used up the space that the server's operator gives you",
};

/** A message ready to go. */
export interface EncryptedItem {
  readonly queued: QueuedItem;
  readonly message: Uint8Array;
  readonly epoch: number;
}
