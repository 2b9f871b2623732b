import type { ChatSnapshot, Invitation, RoomSummary } from "@parley/client";
import { fitLine, spread } from "./line.ts";
import type { Line, Span, Tone } from "./palette.ts";

/** A row of the room list; `room` is where a click leads. */
export interface RoomListRow {
  readonly line: Line;
  readonly room?: string;
}

/** `#garden`, `@bo`. */
export function roomLabel(room: RoomSummary): string {
  return `${room.direct ? "@" : "#"}${room.name}`;
}

/** The room list: rooms in their own order, then invitations; scrolled so that the open room is visible. */
export function roomListRows(
  { rooms, invitations }: Pick<ChatSnapshot, "rooms" | "invitations">,
  current: string | undefined,
  { width, height }: { readonly width: number; readonly height: number },
): RoomListRow[] {
  const asked =
    invitations.length === 0
      ? []
      : [{ line: [] }, { line: heading("Invitations") }, ...invitations.map(invitationRow)];
  const invitationRows = asked.slice(0, Math.max(0, Math.min(asked.length, Math.floor(height / 2))));
  const room = height - invitationRows.length;
  const index = rooms.findIndex((one) => one.id === current);
  const first = Math.max(0, Math.min(index - Math.floor(room / 2), rooms.length - room));
  const rows: RoomListRow[] = rooms
    .slice(first, first + room)
    .map((one, offset) => ({ line: roomLine(one, first + offset, { current, width }), room: one.id }));
  if (rooms.length === 0) rows.push({ line: [{ text: " no rooms yet", tone: "faint" }] });
  return [...rows, ...invitationRows]
    .slice(0, height)
    .map((row) => ({ ...row, line: fitLine(row.line, width) }));
}

function roomLine(
  room: RoomSummary,
  index: number,
  { current, width }: { readonly current: string | undefined; readonly width: number },
): Line {
  const open = room.id === current;
  const gone = room.state === "left" || room.state === "removed";
  const tone: Tone = open ? "selected" : gone ? "faint" : "plain";
  const number = index < 9 ? `${index + 1}` : " ";
  const left: Line = [
    { text: ` ${number} `, tone: open ? "selected" : "faint" },
    { text: roomLabel(room), tone, bold: open || room.unread > 0 },
  ];
  return spread(left, counts(room, tone), width, tone);
}

function counts(room: RoomSummary, tone: Tone): Span[] {
  const spans: Span[] = [];
  if (room.state === "joining" || room.state === "repairing" || room.state === "leaving")
    spans.push({ text: " …", tone });
  if (room.mentions > 0)
    spans.push({ text: " ", tone }, { text: `@${short(room.mentions)}`, tone: "mention", bold: true });
  if (room.unread > 0)
    spans.push({ text: ` ${short(room.unread)}`, tone: tone === "selected" ? tone : "accent", bold: true });
  return [...spans, { text: " ", tone }];
}

function short(count: number): string {
  return count > 999 ? "999+" : `${count}`;
}

function heading(text: string): Line {
  return [{ text: ` ${text}`, tone: "faint" }];
}

function invitationRow({ from, direct }: Invitation): RoomListRow {
  return {
    line: [
      { text: " ? ", tone: "warning" },
      { text: direct ? `@${from}` : from, bold: true },
    ],
  };
}
