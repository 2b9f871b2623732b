import type { TimelineItem, TimelinePage } from "../chat/chat.ts";
import type { ClientStore } from "../store/client-store.ts";
import { keysUnder } from "../store/client-store.ts";
import { decodeRecord, encodeRecord } from "../store/record.ts";
import type { ChangeSet } from "./room-record.ts";

/** A timeline item as it is kept: texts as they came, names looked up when shown. */
export type StoredItem =
  | {
      readonly kind: "message";
      readonly seq: number;
      readonly atMs: number;
      readonly account: Uint8Array;
      readonly text: string;
      readonly mentionsMe: boolean;
      readonly expiresAtMs?: number | undefined;
    }
  | { readonly kind: "event"; readonly seq: number; readonly atMs: number; readonly text: string }
  | {
      readonly kind: "gap";
      readonly seq: number;
      readonly atMs: number;
      readonly toSeq: number;
      readonly cause: string;
      readonly action: string;
    };

const TAIL_ITEMS = 400;

/**
 * A room's timeline: everything on disk, the newest part also in memory. Items are ordered by their key, which follows
 * the room's log.
 */
export class Timeline {
  readonly #store: ClientStore;
  readonly #room: string;
  readonly #show: (id: string, item: StoredItem) => TimelineItem;
  #tail: TimelineItem[] | undefined;
  /** Whether the tail is all there is. */
  #whole = false;

  constructor(store: ClientStore, room: string, show: (id: string, item: StoredItem) => TimelineItem) {
    this.#store = store;
    this.#room = room;
    this.#show = show;
  }

  /** Puts an item, or puts it anew, with the other changes of its entry. Shown after {@link appended}. */
  put(changes: ChangeSet, id: string, item: StoredItem): void {
    changes.put("timeline", `${this.#room}/${id}`, encodeRecord(item));
  }

  get(id: string): StoredItem | undefined {
    const value = this.#store.get("timeline", `${this.#room}/${id}`);
    return value && decodeRecord<StoredItem>(value);
  }

  /** Tells of items that are on disk now. */
  appended(items: ReadonlyMap<string, StoredItem>): void {
    if (!this.#tail) return;
    for (const [id, item] of items) {
      const place = this.#tail.findLastIndex((known) => known.id <= id);
      const shown = this.#show(id, item);
      if (this.#tail[place]?.id === id) this.#tail[place] = shown;
      else if (place >= 0 || this.#whole) this.#tail.splice(place + 1, 0, shown);
    }
    if (this.#tail.length > 2 * TAIL_ITEMS) {
      this.#tail = this.#tail.slice(-TAIL_ITEMS);
      this.#whole = false;
    }
  }

  /** Names changed: what is in memory is made anew when asked for. */
  forgetTail(): void {
    this.#tail = undefined;
  }

  page(limit: number, before?: string): TimelinePage {
    const tail = this.#loadTail();
    const end = before === undefined ? tail.length : tail.findIndex((item) => item.id >= before);
    const stop = end < 0 ? tail.length : end;
    const inTail = stop >= limit || this.#whole;
    if (inTail && (stop > 0 || this.#whole)) {
      const start = Math.max(0, stop - limit);
      return { items: tail.slice(start, stop), more: start > 0 || !this.#whole };
    }
    return this.#read(limit, before);
  }

  #loadTail(): TimelineItem[] {
    if (!this.#tail) {
      const { items, more } = this.#read(TAIL_ITEMS);
      this.#tail = [...items];
      this.#whole = !more;
    }
    return this.#tail;
  }

  #read(limit: number, before?: string): TimelinePage {
    const range = keysUnder(`${this.#room}/`);
    const below = before === undefined ? range.below : `${this.#room}/${before}`;
    const rows = this.#store.range("timeline", { ...range, below, limit: limit + 1, backwards: true });
    const items = rows
      .slice(0, limit)
      .map(([key, value]) => this.#show(key.slice(this.#room.length + 1), decodeRecord<StoredItem>(value)))
      .reverse();
    return { items, more: rows.length > limit };
  }
}
