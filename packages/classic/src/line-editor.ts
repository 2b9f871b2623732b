import { graphemeColumns, graphemes } from "./columns.ts";

/** A line being typed: its graphemes, and how many of them stand left of the cursor. Never changed in place. */
export interface EditedLine {
  readonly graphemes: readonly string[];
  readonly cursor: number;
}

export const EMPTY_LINE: EditedLine = { graphemes: [], cursor: 0 };

/** What an editing key does. */
export type Edit = "backspace" | "delete" | "end" | "home" | "kill" | "left" | "right";

/** Puts text at the cursor. What joins up with a neighbour (an accent, half a flag) becomes one grapheme with it. */
export function insertText(line: EditedLine, text: string): EditedLine {
  const left = graphemes(line.graphemes.slice(0, line.cursor).join("") + text);
  const all = graphemes(left.join("") + line.graphemes.slice(line.cursor).join(""));
  return { graphemes: all, cursor: Math.min(left.length, all.length) };
}

export function editLine({ graphemes: all, cursor }: EditedLine, edit: Edit): EditedLine {
  switch (edit) {
    case "backspace":
      return cursor === 0
        ? { graphemes: all, cursor }
        : { graphemes: all.toSpliced(cursor - 1, 1), cursor: cursor - 1 };
    case "delete":
      return { graphemes: all.toSpliced(cursor, 1), cursor };
    case "left":
      return { graphemes: all, cursor: Math.max(0, cursor - 1) };
    case "right":
      return { graphemes: all, cursor: Math.min(all.length, cursor + 1) };
    case "home":
      return { graphemes: all, cursor: 0 };
    case "end":
      return { graphemes: all, cursor: all.length };
    case "kill":
      return { graphemes: all.slice(cursor), cursor: 0 };
  }
}

/** The part of a line that fits a prompt, and the column of the cursor in it. */
export interface LineView {
  readonly text: string;
  readonly cursorColumn: number;
}

/** Shows as much left of the cursor as fits `columns` columns with the cursor itself, then what still fits right. */
export function viewLine({ graphemes: all, cursor }: EditedLine, columns: number): LineView {
  let start = cursor;
  let cursorColumn = 0;
  while (start > 0) {
    const width = graphemeColumns(all[start - 1] as string);
    if (cursorColumn + width > columns - 1) break;
    cursorColumn += width;
    start--;
  }
  let end = cursor;
  let used = cursorColumn;
  while (end < all.length) {
    const width = graphemeColumns(all[end] as string);
    if (used + width > columns) break;
    used += width;
    end++;
  }
  return { text: all.slice(start, end).join(""), cursorColumn };
}
