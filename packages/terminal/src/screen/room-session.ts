import type { Chat, TimelineItem } from "@parley/client";
import type { ComposerText } from "./composer-text.ts";
import { EMPTY_COMPOSER } from "./composer-text.ts";
import { rule } from "./line.ts";
import type { LocalTime } from "./local-time.ts";
import type { Line } from "./palette.ts";
import { TimelineRows } from "./timeline-rows.ts";
import type { ItemLayout } from "./timeline-view.ts";
import { NEW_LIMIT, TimelineView } from "./timeline-view.ts";

/** How far back the first unread message is looked for. */
const UNREAD_LIMIT = 2_000;

/** What the screen keeps of a room between visits: the draft, the place, where the unread ones begin. */
export class RoomSession {
  draft: ComposerText = EMPTY_COMPOSER;
  readonly room: string;
  readonly #chat: Chat;
  readonly #view: TimelineView<Line>;
  readonly #rows = new TimelineRows();
  readonly #time: LocalTime;
  #firstUnread: string | undefined;
  /** Items up to this one are not shown: /clear. */
  #cleared: TimelineItem | undefined;

  constructor(chat: Chat, room: string, time: LocalTime) {
    this.#chat = chat;
    this.room = room;
    this.#time = time;
    this.#view = new TimelineView(chat, room);
  }

  get atEnd(): boolean {
    return this.#view.following;
  }

  /** Puts the divider above the first of `unread` messages of others. */
  markUnread(unread: number): void {
    const { items } = this.#chat.timeline(this.room, { limit: Math.min(UNREAD_LIMIT, 2 * unread + 50) });
    let left = unread;
    this.#firstUnread = items.findLast((item) => isOthers(item) && --left === 0)?.id;
  }

  forgetUnread(): void {
    this.#firstUnread = undefined;
  }

  clear(): void {
    this.#cleared = this.#chat.timeline(this.room, { limit: 1 }).items.at(-1);
    this.#view.toEnd();
  }

  /** Exactly `height` rows: empty ones first, and a marker last while scrolled back. */
  lines(width: number, height: number): Line[] {
    if (height <= 0) return [];
    const marker = !this.#view.following && height > 2;
    const window = this.#view.window(height - (marker ? 1 : 0), this.#layout(width));
    const lines = window.rows.map(({ row }) => row);
    if (!window.atEnd && marker)
      lines.push(rule(belowText(window.newBelow), width, window.newBelow > 0 ? "accent" : "faint"));
    if (lines.length === 0 && !this.#cleared)
      lines.push([{ text: "Nothing has been said here yet.", tone: "faint" }]);
    return [...Array.from({ length: height - lines.length }, (): Line => []), ...lines];
  }

  /** Negative is up. */
  scroll(rows: number, width: number, height: number): void {
    if (rows < 0) this.#cleared = undefined;
    this.#view.scroll(rows, windowHeight(height), this.#layout(width));
  }

  toStart(width: number, height: number): void {
    this.#cleared = undefined;
    this.#view.toStart(windowHeight(height), this.#layout(width));
  }

  toEnd(): void {
    this.#view.toEnd();
  }

  #layout(width: number): ItemLayout<Line> {
    const style = { width, time: this.#time, firstUnread: this.#firstUnread };
    const cleared = this.#cleared;
    return (item, previous) =>
      cleared && (item.id === cleared.id || item.atMs < cleared.atMs)
        ? []
        : this.#rows.rowsOf(item, previous, style);
  }
}

/** Scrolled back, the lowest row is the marker. */
function windowHeight(height: number): number {
  return Math.max(1, height > 2 ? height - 1 : height);
}

function isOthers(item: TimelineItem): boolean {
  return item.kind === "message" && !item.sender.me;
}

function belowText(count: number): string {
  if (count === 0) return "scrolled back · End returns";
  return `${count >= NEW_LIMIT ? `${NEW_LIMIT}+` : count} new below · End`;
}
