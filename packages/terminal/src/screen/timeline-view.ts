import type { Chat, TimelineItem } from "@parley/client";

/** Where the bottom edge of the window is: under which item, and how many of that item's rows are below the edge. */
interface Anchor {
  readonly id: string;
  readonly rowsBelow: number;
}

/** A row of the timeline and the item it belongs to. */
export interface TimelineRow<Row> {
  readonly item: TimelineItem;
  readonly row: Row;
}

/** Lays out one item; `previous` is the one before it, undefined for the first of the room. */
export type ItemLayout<Row> = (item: TimelineItem, previous: TimelineItem | undefined) => readonly Row[];

/** What is visible. */
export interface TimelineWindow<Row> {
  /** At most as many rows as asked for, oldest first. */
  readonly rows: readonly TimelineRow<Row>[];
  /** Whether the newest row is visible. */
  readonly atEnd: boolean;
  /** Messages of others that came since the window left the end; `NEW_LIMIT` means that many or more. */
  readonly newBelow: number;
}

/** More new messages than this are not counted. */
export const NEW_LIMIT = 999;

/**
 * A window over a room's timeline. It reads pages around the place that is looked at and lays out only the items it
 * shows, so the length of the timeline does not matter. The timeline can only be read backwards; `#marks` are ids of
 * items further down, the way back to the newest.
 */
export class TimelineView<Row> {
  readonly #chat: Pick<Chat, "timeline">;
  readonly #room: string;
  #anchor: Anchor | undefined;
  #marks: string[] = [];
  /** The newest item when the end was last seen. */
  #lastSeen: string | undefined;

  constructor(chat: Pick<Chat, "timeline">, room: string) {
    this.#chat = chat;
    this.#room = room;
  }

  /** Whether new rows move the window. */
  get following(): boolean {
    return this.#anchor === undefined;
  }

  /** The rows to show in `height` rows. */
  window(height: number, layout: ItemLayout<Row>): TimelineWindow<Row> {
    this.#clampAnchor(height, layout);
    let rows = this.#rowsAbove(this.#pageAtAnchor(height), height, layout);
    if (this.#anchor && rows.length < height) {
      this.#scrollDown(height - rows.length, height, layout);
      rows = this.#rowsAbove(this.#pageAtAnchor(height), height, layout);
    }
    const atEnd = this.#anchor === undefined;
    if (atEnd) this.#lastSeen = this.#chat.timeline(this.#room, { limit: 1 }).items.at(-1)?.id;
    return { rows, atEnd, newBelow: atEnd ? 0 : this.#countNew() };
  }

  /** Moves the window: negative is up, towards older rows. */
  scroll(rows: number, height: number, layout: ItemLayout<Row>): void {
    this.#clampAnchor(height, layout);
    if (rows < 0) this.#scrollUp(-rows, height, layout);
    else this.#scrollDown(rows, height, layout);
  }

  /** To the newest row. */
  toEnd(): void {
    this.#anchor = undefined;
    this.#marks = [];
  }

  /** To the oldest row that is kept here. */
  toStart(height: number, layout: ItemLayout<Row>): void {
    const limit = pageLimit(height);
    let page = this.#pageAtAnchor(height);
    while (page.more) {
      const mark = page.items[Math.min(height + 1, page.items.length - 1)]!.id;
      this.#marks.push(mark);
      page = { ...this.#chat.timeline(this.#room, { limit, before: mark }), bottom: 0 };
    }
    let left = height;
    for (const [index, item] of page.items.entries()) {
      const laid = layout(item, page.items[index - 1]).length;
      this.#anchor = { id: item.id, rowsBelow: Math.max(0, laid - left) };
      left -= laid;
      if (left <= 0) break;
    }
    this.#followAtNewest();
    if (left > 0) this.toEnd();
  }

  /** An item has fewer rows in a wider window; one of them stays visible. */
  #clampAnchor(height: number, layout: ItemLayout<Row>): void {
    if (!this.#anchor || this.#anchor.rowsBelow === 0) return;
    const { items, bottom } = this.#pageAtAnchor(height);
    const item = items[bottom];
    if (item?.id !== this.#anchor.id) return;
    const rowsBelow = Math.min(
      this.#anchor.rowsBelow,
      Math.max(0, layout(item, items[bottom - 1]).length - 1),
    );
    this.#anchor = { id: item.id, rowsBelow };
  }

  #scrollUp(rows: number, height: number, layout: ItemLayout<Row>): void {
    const page = this.#pageAtAnchor(height + rows);
    const above = this.#rowsAbove(page, height + rows, layout);
    const hidden = Math.min(rows, above.length - height);
    if (hidden <= 0) return;
    const edge = above[above.length - 1 - hidden]!;
    let rowsBelow = 0;
    for (let index = above.length - hidden; above[index]?.item === edge.item; index += 1) rowsBelow += 1;
    const already = this.#anchor?.id === edge.item.id ? this.#anchor.rowsBelow : 0;
    this.#anchor = { id: edge.item.id, rowsBelow: rowsBelow + already };
  }

  #scrollDown(rows: number, height: number, layout: ItemLayout<Row>): void {
    let left = rows;
    while (this.#anchor) {
      const anchor: Anchor = this.#anchor;
      if (left <= anchor.rowsBelow) {
        this.#anchor = { id: anchor.id, rowsBelow: anchor.rowsBelow - left };
        this.#followAtNewest();
        return;
      }
      left -= anchor.rowsBelow;
      this.#anchor = { id: anchor.id, rowsBelow: 0 };
      const page = this.#pageAtAnchor(height);
      const next = page.items[page.bottom + 1];
      if (next) {
        this.#anchor = { id: next.id, rowsBelow: layout(next, page.items[page.bottom]).length };
      } else if (this.#marks.pop() === undefined) {
        this.toEnd();
      }
    }
  }

  #followAtNewest(): void {
    if (this.#anchor?.rowsBelow !== 0) return;
    const newest = this.#chat.timeline(this.#room, { limit: 1 }).items.at(-1);
    if (newest?.id === this.#anchor.id) this.toEnd();
  }

  /** A page with the anchor in it and, above the anchor, enough items for `height` rows (or all there are). */
  #pageAtAnchor(height: number): Page {
    const limit = pageLimit(height);
    if (!this.#anchor) {
      const page = this.#chat.timeline(this.#room, { limit });
      return { ...page, bottom: page.items.length - 1 };
    }
    const { id } = this.#anchor;
    for (let size = limit; ; size *= 4) {
      const before = this.#marks.at(-1);
      const page = this.#chat.timeline(
        this.#room,
        before === undefined ? { limit: size } : { limit: size, before },
      );
      const bottom = page.items.findLastIndex((item) => item.id === id);
      if (bottom >= 0 && (bottom > height || !page.more)) return { ...page, bottom };
      const mark = bottom >= 0 ? page.items[bottom + height + 1] : undefined;
      if (mark) {
        this.#marks.push(mark.id);
        size = limit / 4;
      } else if (!page.more) {
        if (bottom >= 0) return { ...page, bottom };
        if (this.#marks.length === 0) break;
        this.#marks = [];
        size = limit / 4;
      }
    }
    this.toEnd();
    return this.#pageAtAnchor(height);
  }

  #rowsAbove(page: Page, height: number, layout: ItemLayout<Row>): TimelineRow<Row>[] {
    const rows: TimelineRow<Row>[] = [];
    let hidden = this.#anchor?.rowsBelow ?? 0;
    for (let index = page.bottom; index >= 0 && rows.length < height; index -= 1) {
      const item = page.items[index]!;
      const laid = layout(item, page.items[index - 1]);
      for (let row = laid.length - 1 - hidden; row >= 0 && rows.length < height; row -= 1) {
        rows.push({ item, row: laid[row]! });
      }
      hidden = 0;
    }
    return rows.reverse();
  }

  #countNew(): number {
    const { items } = this.#chat.timeline(this.#room, { limit: NEW_LIMIT });
    const seen = items.findLastIndex((item) => item.id === this.#lastSeen);
    return items.slice(seen + 1).filter((item) => item.kind === "message" && !item.sender.me).length;
  }
}

interface Page {
  readonly items: readonly TimelineItem[];
  readonly more: boolean;
  /** Index of the item at the bottom edge. */
  readonly bottom: number;
}

function pageLimit(height: number): number {
  return Math.max(64, 4 * height);
}
