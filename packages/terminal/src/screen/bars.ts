import type { ChatSnapshot, ConnectionState, RoomSummary } from "@parley/client";
import { durationText } from "@parley/client";
import { lineWidth, spread, truncateLine } from "./line.ts";
import type { Line, Span, Tone } from "./palette.ts";
import { roomLabel } from "./room-list.ts";

/** The bar above the timeline. Without a room list beside it, it also tells where something is new. */
export function headerLine(
  snapshot: Pick<ChatSnapshot, "rooms" | "invitations">,
  room: RoomSummary | undefined,
  { width, listed }: { readonly width: number; readonly listed: boolean },
): Line {
  if (!room) return spread([{ text: " Parley", tone: "bar", bold: true }], [], width, "bar");
  const left: Span[] = [{ text: ` ${roomLabel(room)}`, tone: "bar", bold: true }];
  const note = stateNote(room);
  if (note !== "") left.push({ text: `  ${note}`, tone: "barWarning" });
  else if (room.topic !== "") left.push({ text: `  ${room.topic}`, tone: "barFaint" });
  const people = room.direct ? "" : `${room.memberCount} ${room.memberCount === 1 ? "person" : "people"}`;
  const classical = room.encryption === "classical" ? "not post-quantum" : "";
  const timer = room.keepMs === 0 ? "" : `kept ${durationText(room.keepMs)}`;
  const facts = [classical, timer, width >= 40 ? people : ""].filter((fact) => fact !== "").join(" · ");
  const right: Span[] = facts === "" ? [] : [{ text: `  ${facts} `, tone: "barFaint" }];
  if (!listed) right.push(...activity(snapshot, room));
  return spread(left, right, width, "bar");
}

function stateNote({ state }: RoomSummary): string {
  switch (state) {
    case "active":
      return "";
    case "joining":
      return "joining…";
    case "repairing":
      return "repairing…";
    case "leaving":
      return "leaving…";
    case "left":
      return "you left this room";
    case "removed":
      return "you were removed from this room";
  }
}

/** ` 2:3 4:@1 ?1 `: rooms with something new by number, and invitations. */
function activity(
  { rooms, invitations }: Pick<ChatSnapshot, "rooms" | "invitations">,
  current: RoomSummary,
): Span[] {
  const spans = rooms.flatMap((room, index): Span[] => {
    if (room.id === current.id || room.unread === 0) return [];
    const mention = room.mentions > 0;
    return [
      {
        text: ` ${index + 1}:${mention ? `@${room.mentions}` : room.unread}`,
        tone: mention ? "barWarning" : "barAccent",
      },
    ];
  });
  if (invitations.length > 0) spans.push({ text: ` ?${invitations.length}`, tone: "barWarning" });
  return [...spans, { text: " ", tone: "bar" }];
}

/** The bar below the timeline: the connection, why the server is trusted, what waits. */
export function statusLine(snapshot: ChatSnapshot, nowMs: number, width: number): Line {
  const { connection, server, queued, recoveryWordsFile, alarms, warnings } = snapshot;
  const [glyph, tone] = connectionGlyph(connection);
  const left: Span[] = [
    { text: ` ${glyph} `, tone },
    { text: connectionText(connection, nowMs), tone: connection.kind === "connected" ? "bar" : tone },
  ];
  const trust: Span[] = [{ text: ` · ${server.host}, ${server.why}`, tone: "barFaint" }];
  const held: Span[] = warnings.length > 0 ? [{ text: " WITNESSES ", tone: "barWarning" }] : [];
  const alarm: Span[] = alarms.length > 0 ? [{ text: " ALARM ", tone: "barBad" }] : held;
  const waiting: Span[] =
    queued > 0 ? [...alarm, { text: ` ◷ ${queued} queued `, tone: "barWarning" }] : alarm;
  const reminder: Span[] =
    recoveryWordsFile === undefined
      ? []
      : [{ text: " Write down your recovery words: /words ", tone: "barWarning" }];
  const shortReminder: Span[] =
    recoveryWordsFile === undefined ? [] : [{ text: " /words ", tone: "barWarning" }];
  const least = lineWidth(left) + (width < 80 ? 0 : 30);
  const right = [[...waiting, ...reminder], [...waiting, ...shortReminder], waiting].find(
    (spans) => least + lineWidth(spans) <= width,
  );
  const wide = lineWidth(left) + lineWidth(right ?? waiting) + 12 <= width;
  return spread(wide ? [...left, ...trust] : truncateLine(left, width), right ?? waiting, width, "bar");
}

/** What the status line says of the connection. */
export function connectionText(connection: ConnectionState, nowMs: number): string {
  switch (connection.kind) {
    case "connecting":
      return "Connecting…";
    case "connected":
      return "Connected";
    case "waiting": {
      const seconds = Math.max(0, Math.ceil((connection.retryAtMs - nowMs) / 1000));
      return `Connection lost – reconnecting in ${seconds} s`;
    }
    case "stopped":
      return `Stopped: ${connection.reason}`;
    case "closed":
      return "Closed";
  }
}

function connectionGlyph(connection: ConnectionState): readonly [string, Tone] {
  switch (connection.kind) {
    case "connected":
      return ["●", "barGood"];
    case "stopped":
      return ["■", "barBad"];
    default:
      return ["○", "barWarning"];
  }
}
