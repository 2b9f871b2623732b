import type { DeviceAddress } from "@parley/protocol";
import { deviceText } from "@parley/protocol";
import type { RelayStore, RoomHead } from "../store/contract.ts";
import type { FanOut } from "./fan-out.ts";
import type { Feed, FeedSource } from "./feed.ts";
import { inboxSource, inboxTopic } from "./inbox-source.ts";
import type { Outbox } from "./outbox.ts";
import { roomSource, roomTopic } from "./room-source.ts";
import { Subscription } from "./subscription.ts";
import { frameForWire } from "./websocket-framing.ts";

/** The next page is read when less than this waits to be written. Above any socket's high-water mark. */
const PAGE_BACKLOG_BYTES = 512 * 1024;

/** Where a client has got to in a room. */
export interface RoomCursor {
  readonly room: Uint8Array;
  readonly after: number;
}

interface Listening {
  readonly topic: string;
  readonly feed: Feed;
  readonly subscription: Subscription;
  /** Absent for the inbox. */
  readonly room?: Uint8Array;
}

/** What one connection listens to, and how it gets there: backfill, cut-over, live (docs/protocol.md §4.10). */
export class DeviceSubscriptions {
  readonly #device: DeviceAddress;
  readonly #store: RelayStore;
  readonly #fanOut: FanOut;
  readonly #outbox: Outbox;
  readonly #onFault: (error: unknown) => void;
  readonly #listening = new Map<string, Listening>();
  #backlog: Listening[] = [];
  #pumping = false;

  constructor(options: {
    device: DeviceAddress;
    store: RelayStore;
    fanOut: FanOut;
    outbox: Outbox;
    onFault: (error: unknown) => void;
  }) {
    this.#device = options.device;
    this.#store = options.store;
    this.#fanOut = options.fanOut;
    this.#outbox = options.outbox;
    this.#onFault = options.onFault;
  }

  /**
   * Listens to rooms from their cursors on, and to the inbox unless it does so already. A room that is listened to starts
   * over at its cursor.
   * @returns where the rooms end that the device may read, and what begins the deliveries.
   */
  async resume(
    cursors: readonly RoomCursor[],
    inboxAfter: number,
  ): Promise<{ heads: RoomHead[]; begin: () => void }> {
    // Interest first, permission second: a departure in between is seen by one of the two.
    const asked = cursors.map(({ room, after }) => this.#joinRoom(room.slice(), after));
    const inbox = this.#joinInbox(inboxAfter);
    let heads: Map<string, RoomHead>;
    try {
      heads = new Map((await this.#store.roomsOf(this.#device)).map((head) => [roomTopic(head.room), head]));
    } catch (error) {
      for (const listening of inbox ? [...asked, inbox] : asked) this.#leave(listening);
      throw error;
    }
    const allowed: RoomHead[] = [];
    for (const listening of asked) {
      const head = heads.get(listening.topic);
      if (!head) {
        this.#leave(listening);
        continue;
      }
      const { subscription, feed } = listening;
      subscription.allowedAtSeq = head.seq;
      // A cursor beyond the log is from before a backup was put back.
      subscription.cursor = Math.min(subscription.cursor, head.seq);
      feed.wake(head.seq);
      allowed.push(head);
    }
    const begin = () => {
      this.#backlog.push(...asked, ...(inbox ? [inbox] : []));
      void this.#pump();
    };
    return { heads: allowed, begin };
  }

  /** Stops listening to everything. */
  leaveAll(): void {
    for (const listening of this.#listening.values()) this.#leave(listening);
    this.#backlog = [];
  }

  #joinRoom(room: Uint8Array, cursor: number): Listening {
    const topic = roomTopic(room);
    const before = this.#listening.get(topic);
    if (before) this.#leave(before);
    return { ...this.#join(topic, roomSource(this.#store, room), cursor), room };
  }

  #joinInbox(cursor: number): Listening | undefined {
    const topic = inboxTopic(this.#device);
    if (this.#listening.has(topic)) return undefined;
    return this.#join(topic, inboxSource(this.#store, this.#device), cursor);
  }

  #join(topic: string, source: FeedSource, cursor: number): Listening {
    const subscription = new Subscription({
      device: deviceText(this.#device),
      sink: this.#outbox,
      cursor,
      onDeparture: () => this.#listening.delete(topic) && this.#fanOut.leave(topic, subscription),
    });
    const listening = { topic, feed: this.#fanOut.join(topic, source, subscription), subscription };
    this.#listening.set(topic, listening);
    return listening;
  }

  #leave(listening: Listening): void {
    this.#fanOut.leave(listening.topic, listening.subscription);
    if (this.#listening.get(listening.topic)?.subscription === listening.subscription)
      this.#listening.delete(listening.topic);
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (let next = this.#backlog.shift(); next; next = this.#backlog.shift()) await this.#catchUp(next);
    } catch (error) {
      this.#onFault(error);
    } finally {
      this.#pumping = false;
    }
  }

  /** Sends pages until there is nothing between the store and what is delivered live, and joins that at this instant. */
  async #catchUp(listening: Listening): Promise<void> {
    const { feed, subscription, room } = listening;
    let isComplete = room !== undefined;
    while (subscription.active) {
      if (isComplete && feed.cutOver(subscription)) {
        if (room) {
          const bytes = frameForWire({ kind: "live", room, seq: subscription.cursor });
          this.#outbox.push({ bytes, droppable: true });
        }
        return;
      }
      await this.#outbox.whenBelow(PAGE_BACKLOG_BYTES);
      if (!subscription.active) return;
      const page = await feed.source.read(subscription.cursor);
      if (!subscription.active) return;
      feed.deliverPage(subscription, page);
      isComplete = room !== undefined || page.length === 0;
      if (page.length === 0) await new Promise(setImmediate);
    }
    this.#leave(listening);
  }
}
