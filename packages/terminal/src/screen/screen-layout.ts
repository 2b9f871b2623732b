import type { ChatSnapshot, RoomSummary } from "@parley/client";
import { COMMANDS, findCommand, usageOf } from "../commands/registry.ts";
import { headerLine, statusLine } from "./bars.ts";
import type { CompletionMenu } from "./composer-input.ts";
import type { ComposerText } from "./composer-text.ts";
import { composerView } from "./composer-view.ts";
import { truncateLine } from "./line.ts";
import type { Line, Span } from "./palette.ts";
import type { Panel } from "./panel.ts";
import { panelLines } from "./panel.ts";
import { roomListRows } from "./room-list.ts";
import type { RoomSession } from "./room-session.ts";
import type { Notice } from "./screen-controller.ts";

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** Everything a frame is made from. */
export interface ScreenContents {
  readonly snapshot: ChatSnapshot;
  readonly room: RoomSummary | undefined;
  readonly session: RoomSession | undefined;
  readonly size: ScreenSize;
  readonly content: ComposerText;
  readonly menu: CompletionMenu | undefined;
  readonly panel: Panel | undefined;
  readonly notice: Notice | undefined;
  readonly nowMs: number;
}

/** A picture of the screen: rows of each part, no row wider than its part, together exactly the screen's rows. */
export interface ScreenFrame {
  readonly size: ScreenSize;
  /** Empty where there is no room for it. */
  readonly roomList: readonly Line[];
  /** Header and timeline. */
  readonly main: readonly Line[];
  /** Panel, hint, status bar and composer, over the whole width. */
  readonly foot: readonly Line[];
  readonly cursor: { readonly x: number; readonly y: number };
  readonly regions: {
    readonly timeline: { readonly width: number; readonly height: number };
    readonly panel: { readonly height: number; readonly last: number };
  };
  /** The room whose row in the list is at that place. */
  roomAt(column: number, row: number): string | undefined;
}

const LIST_FROM_COLUMNS = 64;
const COMPOSER_ROWS = 8;

/** Lays out the screen. From the bottom: composer, status bar, hint, panel; the timeline has what is left. */
export function composeScreen(contents: ScreenContents): ScreenFrame {
  const { snapshot, room, session, size, content, panel } = contents;
  const columns = Math.max(1, size.columns);
  const rows = Math.max(1, size.rows);
  const composer = composerView(content, {
    width: columns,
    maxRows: Math.max(1, Math.min(COMPOSER_ROWS, Math.floor(rows / 3))),
    placeholder: placeholderOf(room),
  });
  const status = rows > composer.lines.length ? [statusLine(snapshot, contents.nowMs, columns)] : [];
  const spare = rows - composer.lines.length - status.length;
  const hint = spare > 3 ? hintLines(contents) : [];
  const shownPanel =
    panel && spare - hint.length > 0
      ? panelLines(panel, columns, Math.max(1, spare - hint.length - Math.min(4, Math.floor(spare / 4))))
      : { lines: [], last: 0 };
  const height = spare - hint.length - shownPanel.lines.length;
  const listWidth = columns >= LIST_FROM_COLUMNS ? Math.min(26, Math.max(17, Math.floor(columns / 5))) : 0;
  const margin = listWidth > 0 ? " " : "";
  const width = listWidth > 0 ? columns - listWidth - 1 : columns;
  const textColumns = width - margin.length;
  const list = listWidth > 0 ? roomListRows(snapshot, room?.id, { width: listWidth, height }) : [];
  const header = height > 2 ? [headerLine(snapshot, room, { width, listed: listWidth > 0 })] : [];
  const timelineHeight = Math.max(0, height - header.length);
  const timeline = session ? session.lines(textColumns, timelineHeight) : welcome(snapshot, timelineHeight);
  const foot = [...shownPanel.lines, ...hint, ...status, ...composer.lines];
  return {
    size: { columns, rows },
    roomList:
      listWidth > 0
        ? withRule(
            list.map(({ line }) => line),
            listWidth,
            height,
          )
        : [],
    main: [...header, ...timeline.map((line) => [{ text: margin }, ...line])].map((line) =>
      truncateLine(line, width),
    ),
    foot: foot.map((line) => truncateLine(line, columns)),
    cursor: { x: composer.cursorColumn, y: rows - composer.lines.length + composer.cursorRow },
    regions: {
      timeline: { width: textColumns, height: timelineHeight },
      panel: { height: shownPanel.lines.length, last: shownPanel.last },
    },
    roomAt: (column, row) => (column < listWidth ? list[row]?.room : undefined),
  };
}

function withRule(lines: readonly Line[], width: number, height: number): Line[] {
  return Array.from(
    { length: height },
    (_, row): Line => [...(lines[row] ?? [{ text: " ".repeat(width) }]), { text: "│", tone: "rule" }],
  );
}

function placeholderOf(room: RoomSummary | undefined): string {
  if (!room) return "/room NAME makes a room";
  if (room.state === "left" || room.state === "removed") return "/room NAME goes to another room";
  return `Message to ${room.name}`;
}

function welcome({ invitations, me }: ChatSnapshot, height: number): Line[] {
  const texts: Line[] = [
    [{ text: ` Welcome, ${me.name}.`, bold: true }],
    [],
    [{ text: " /room NAME    make a room" }],
    [{ text: " /dm NAME      write to one person" }],
    [{ text: " /help         all commands and keys" }],
  ];
  const [first] = invitations;
  if (first) texts.push([], [{ text: ` ${first.from} asks you in: /accept or /decline`, tone: "warning" }]);
  return Array.from({ length: height }, (_, row): Line => texts[row - 1] ?? []);
}

/** One row above the status bar: candidates, the command being typed, an invitation, or what a command said. */
function hintLines({ menu, content, notice, snapshot, session, panel }: ScreenContents): Line[] {
  if (menu) return [menuLine(menu)];
  const typed = /^\/([^\s/]*)(\s?)/.exec(content.text);
  if (typed) return commandHint(typed[1]!, typed[2] !== "");
  if (notice) return [[{ text: ` ${notice.text}`, tone: notice.failed ? "bad" : "accent" }]];
  const [first] = snapshot.invitations;
  if (!first || !session || panel) return [];
  const purpose = first.direct ? "wants to write to you" : "asks you into a room";
  return [[{ text: ` ${first.from} ${purpose}: /accept or /decline`, tone: "warning" }]];
}

function menuLine({ candidates, chosen }: CompletionMenu): Line {
  const first = Math.max(0, chosen - 5);
  return candidates
    .slice(first)
    .flatMap((candidate, offset): Span[] => [
      { text: " " },
      { text: candidate.trim(), tone: first + offset === chosen ? "selected" : "faint" },
    ]);
}

function commandHint(name: string, complete: boolean): Line[] {
  const command = findCommand(name);
  if (command && (complete || name.length > 1)) {
    return [
      [
        { text: ` ${usageOf(command)}`, tone: "accent" },
        { text: `  ${command.help}`, tone: "faint" },
      ],
    ];
  }
  if (complete) return [];
  const names = COMMANDS.map((one) => one.name).filter((one) => one.startsWith(name));
  return names.length === 0 ? [] : [[{ text: ` ${names.map((one) => `/${one}`).join(" ")}`, tone: "faint" }]];
}
