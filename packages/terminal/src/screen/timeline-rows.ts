import type { TimelineItem } from "@parley/client";
import { rule } from "./line.ts";
import type { LocalTime } from "./local-time.ts";
import type { Line, Span, Tone } from "./palette.ts";
import { fit, textWidth, wrapText } from "./text-width.ts";

/** How the rows of a timeline are made. */
export interface RowStyle {
  readonly width: number;
  readonly time: LocalTime;
  /** The first item the person has not seen, when there is one: a divider goes above it. */
  readonly firstUnread: string | undefined;
}

/** Items remembered; a screen shows fewer. */
const CACHE_LIMIT = 1_000;
const TIME_WIDTH = 8;

interface CachedRows {
  readonly item: TimelineItem;
  readonly key: string;
  readonly rows: readonly Line[];
}

/** Lays out timeline items as rows, and remembers them while neither the item nor the style changes. */
export class TimelineRows {
  readonly #cache = new Map<string, CachedRows>();

  rowsOf(item: TimelineItem, previous: TimelineItem | undefined, style: RowStyle): readonly Line[] {
    const newDay = !previous || style.time.day(previous.atMs) !== style.time.day(item.atMs);
    const key = `${style.width} ${newDay} ${style.firstUnread === item.id}`;
    const cached = this.#cache.get(item.id);
    if (cached && cached.key === key && sameItem(cached.item, item)) return cached.rows;
    const rows = [...dividers(item, newDay, style), ...itemRows(item, style)];
    if (this.#cache.size >= CACHE_LIMIT) this.#cache.clear();
    this.#cache.set(item.id, { item, key, rows });
    return rows;
  }
}

function sameItem(a: TimelineItem, b: TimelineItem): boolean {
  if (a === b) return true;
  if (a.kind !== "message" || b.kind !== "message") return false;
  return (
    a.text === b.text &&
    a.atMs === b.atMs &&
    a.sender.name === b.sender.name &&
    a.mentionsMe === b.mentionsMe &&
    JSON.stringify(a.send) === JSON.stringify(b.send)
  );
}

function dividers(item: TimelineItem, newDay: boolean, { width, time, firstUnread }: RowStyle): Line[] {
  const rows: Line[] = [];
  if (newDay) rows.push(rule(time.date(item.atMs), width, "faint"));
  if (firstUnread === item.id) rows.push(rule("new", width, "bad"));
  return rows;
}

function itemRows(item: TimelineItem, style: RowStyle): Line[] {
  switch (item.kind) {
    case "message":
      return messageRows(item, style);
    case "event":
      return block(
        { mark: " ", label: { text: "·", tone: "faint" }, atMs: item.atMs, text: item.text, tone: "faint" },
        style,
      );
    case "gap": {
      const range =
        item.fromSeq === item.toSeq ? `Message ${item.fromSeq}` : `Messages ${item.fromSeq}–${item.toSeq}`;
      const text = `${range}: ${item.cause}${item.action === "" ? "" : `. ${item.action}`}`;
      return block(
        { mark: " ", label: { text: "⋯", tone: "warning" }, atMs: item.atMs, text, tone: "warning" },
        style,
      );
    }
  }
}

type MessageItem = Extract<TimelineItem, { kind: "message" }>;

function messageRows(item: MessageItem, style: RowStyle): Line[] {
  const { sender, send, mentionsMe } = item;
  const label: Span = { text: sender.name, tone: { person: sender.account }, bold: sender.me };
  const mark = !sender.me ? " " : { queued: "◷", sent: "·", failed: "!" }[send.kind];
  const tone: Tone = mentionsMe ? "mention" : send.kind === "queued" ? "faint" : "plain";
  const rows = block({ mark, label, atMs: item.atMs, text: item.text, tone }, style);
  if (send.kind === "failed") {
    const failure: Block = {
      mark: " ",
      label: { text: "", tone: "bad" },
      text: `not sent: ${send.reason}. /retry`,
      tone: "bad",
    };
    rows.push(...block(failure, style));
  }
  return rows;
}

interface Block {
  /** One column between time and sender: how far an own message has come. */
  readonly mark: string;
  readonly label: Span;
  /** Without it, the place of the time stays empty. */
  readonly atMs?: number;
  readonly text: string;
  readonly tone: Tone;
}

/** Time, sender and text: in columns where there is room, else one after the other. */
function block({ mark, label, atMs, text, tone }: Block, { width, time }: RowStyle): Line[] {
  const clock = atMs === undefined ? " ".repeat(TIME_WIDTH - 1) : `[${time.clock(atMs)}]`;
  const markTone: Tone = mark === "!" ? "bad" : "faint";
  if (width >= 48) {
    const senderWidth = Math.min(16, Math.max(8, Math.floor(width / 7)));
    const indent = TIME_WIDTH + senderWidth + 2;
    const before: Line = [
      { text: clock, tone: "faint" },
      { text: mark, tone: markTone },
      { ...label, text: fit(label.text, senderWidth, "right") },
      { text: "  " },
    ];
    return hang(before, wrapText(text, width - indent), indent, tone);
  }
  const withTime = width >= 28;
  const name = label.text === "" ? "" : /^[·⋯]$/.test(label.text) ? `${label.text} ` : `${label.text}: `;
  const before: Span[] = [];
  if (withTime) before.push({ text: clock, tone: "faint" });
  const shownMark = mark === "·" ? " " : mark;
  if (withTime || shownMark !== " ") before.push({ text: shownMark, tone: markTone });
  before.push({ ...label, text: fit(name, Math.min(textWidth(name), Math.floor(width / 2))) });
  const indent = 2;
  const used = before.reduce((sum, span) => sum + textWidth(span.text), 0);
  return hang(before, wrapText(text, width - indent, width - used), indent, tone);
}

function hang(before: Line, texts: readonly string[], indent: number, tone: Tone): Line[] {
  return texts.map((text, index) =>
    index === 0 ? [...before, { text, tone }] : [{ text: " ".repeat(indent) }, { text, tone }],
  );
}
