import type { Key } from "ink";
import { Box, Text, useCursor, useInput, usePaste, useWindowSize } from "ink";
import { useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { Edit, EditedLine } from "./line-editor.ts";
import { EMPTY_LINE, editLine, insertText, viewLine } from "./line-editor.ts";
import { ScrollView } from "./scroll-view.ts";
import type { Transcript } from "./transcript.ts";
import { cleanText } from "./wire-text.ts";

export interface ScreenProps {
  readonly transcript: Transcript;
  readonly onSubmit: (line: string) => void;
  /** Ctrl-C, each time it is pressed. */
  readonly onInterrupt: () => void;
}

const PROMPT = "> ";
const LONGEST_LINE = 16 * 1024;
/** Fewest rows that leave room for a line inside the frame; below that the frame goes, then the title. */
const FRAMED_ROWS = 5;

/** The original's screen: title, framed chat window, prompt; over the whole terminal, at any size. */
export function Screen({ transcript, onSubmit, onInterrupt }: ScreenProps) {
  const { columns, rows } = useWindowSize();
  const lines = useSyncExternalStore(transcript.subscribe, () => transcript.lines);
  const view = useMemo(() => new ScrollView(), []);
  const [typed, setTyped] = useState<EditedLine>(EMPTY_LINE);
  const typing = useRef(typed);
  const [anchor, setAnchor] = useState<Anchor>();
  const anchoring = useRef(anchor);
  const { setCursorPosition } = useCursor();

  const framed = rows >= FRAMED_ROWS;
  const height = Math.max(0, framed ? rows - 4 : rows - 2);
  const width = Math.max(2, framed ? columns - 4 : columns);
  const offsetAt = (place: Anchor | undefined) => {
    const below = place === undefined ? 0 : rowsBelow(view, lines, width, place);
    return Math.min(Math.max(0, below), Math.max(0, view.rowCount(lines, width) - height));
  };
  const offset = offsetAt(anchor);
  const prompt = viewLine(typed, Math.max(1, columns - PROMPT.length));
  setCursorPosition({ x: PROMPT.length + prompt.cursorColumn, y: rows - 1 });

  const change = (next: EditedLine) => {
    typing.current = next;
    setTyped(next);
  };
  const settle = (place: Anchor | undefined) => {
    anchoring.current = place;
    setAnchor(place);
  };
  const scroll = (byRows: number) => {
    const wanted = offsetAt({ last: lines.at(-1), rows: offsetAt(anchoring.current) + byRows });
    settle(wanted === 0 ? undefined : { last: lines.at(-1), rows: wanted });
  };
  // Fast typing and pastes arrive as one input, keys in the middle of it.
  const type = (input: string) => {
    for (const part of input.split(/(\r\n|[\r\n\u0003\b\u007f])/)) {
      if (part === "\u0003") onInterrupt();
      else if (part === "\b" || part === "\u007f") change(editLine(typing.current, "backspace"));
      else if (part === "\r" || part === "\n" || part === "\r\n") submit();
      else if (typing.current.graphemes.length + part.length <= LONGEST_LINE) {
        change(insertText(typing.current, cleanText(part)));
      }
    }
  };
  const submit = () => {
    const line = typing.current.graphemes.join("");
    change(EMPTY_LINE);
    settle(undefined);
    onSubmit(line);
  };

  usePaste(type);
  useInput((input, key) => {
    const edit = editOf(input, key);
    if (key.ctrl && input === "c") onInterrupt();
    else if (key.return) submit();
    else if (edit !== undefined) change(editLine(typing.current, edit));
    else if (key.pageUp || key.pageDown) scroll(Math.max(1, height - 1) * (key.pageUp ? 1 : -1));
    else if (key.upArrow || key.downArrow) scroll(key.upArrow ? 1 : -1);
    else if (!key.ctrl && !key.meta && !key.escape && !key.tab) type(input);
  });

  return (
    <Box flexDirection="column" width={columns} height={rows} overflow="hidden">
      {rows > 1 && (
        <Box justifyContent="space-between" height={1} flexShrink={0}>
          <Text wrap="truncate">SecureChat v0.1</Text>
          {offset > 0 && <Text wrap="truncate">{`${offset} more below (PgDn)`}</Text>}
        </Box>
      )}
      <Box
        flexDirection="column"
        flexShrink={0}
        height={framed ? height + 2 : height}
        {...(framed ? { borderStyle: "single", paddingX: 1 } : {})}
      >
        {view.visible(lines, width, height, offset).map((row, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place on the screen.
          <Text key={i} wrap="truncate">
            {row === "" ? " " : row}
          </Text>
        ))}
      </Box>
      <Box height={1} flexShrink={0}>
        <Text wrap="truncate">{PROMPT + prompt.text}</Text>
      </Box>
    </Box>
  );
}

/** A scrolled-back window keeps its place: so many rows above the end of the line that was last when it scrolled. */
interface Anchor {
  readonly last: Transcript["lines"][number] | undefined;
  readonly rows: number;
}

function rowsBelow(
  view: ScrollView,
  lines: Transcript["lines"],
  width: number,
  { last, rows }: Anchor,
): number {
  const index = last === undefined ? -1 : lines.lastIndexOf(last);
  return rows + (index === -1 ? 0 : view.rowCount(lines, width, index + 1));
}

function editOf(input: string, key: Key): Edit | undefined {
  if (key.backspace || (key.ctrl && input === "h")) return "backspace";
  if (key.delete) return "delete";
  if (key.leftArrow) return "left";
  if (key.rightArrow) return "right";
  if (key.home || (key.ctrl && input === "a")) return "home";
  if (key.end || (key.ctrl && input === "e")) return "end";
  return key.ctrl && input === "u" ? "kill" : undefined;
}
