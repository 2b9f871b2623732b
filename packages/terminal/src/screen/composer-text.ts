import { boundaryAt, characterAfter, characterBefore, graphemes, textWidth } from "./text-width.ts";

/**
 * What stands in the composer and where the cursor is: an index into `text` that is always between two characters
 * (grapheme clusters). Immutable; each operation returns a new one.
 */
export interface ComposerText {
  readonly text: string;
  readonly cursor: number;
}

export const EMPTY_COMPOSER: ComposerText = { text: "", cursor: 0 };

/** A composer holding `text`, the cursor behind it. */
export function composerOf(text: string): ComposerText {
  return { text, cursor: text.length };
}

export function insert({ text, cursor }: ComposerText, added: string): ComposerText {
  const joined = text.slice(0, cursor) + added + text.slice(cursor);
  return { text: joined, cursor: boundaryAt(joined, cursor + added.length) };
}

/** Replaces the characters from `start` to `end` and puts the cursor behind the replacement. */
export function replaceRange({ text }: ComposerText, start: number, end: number, by: string): ComposerText {
  const joined = text.slice(0, start) + by + text.slice(end);
  return { text: joined, cursor: boundaryAt(joined, start + by.length) };
}

export const deleteBackward = (at: ComposerText): ComposerText =>
  replaceRange(at, characterBefore(at.text, at.cursor), at.cursor, "");

export const deleteForward = (at: ComposerText): ComposerText =>
  replaceRange(at, at.cursor, characterAfter(at.text, at.cursor), "");

export const moveLeft = ({ text, cursor }: ComposerText): ComposerText => ({
  text,
  cursor: characterBefore(text, cursor),
});

export const moveRight = ({ text, cursor }: ComposerText): ComposerText => ({
  text,
  cursor: characterAfter(text, cursor),
});

/** To the beginning of the word at or before the cursor. */
export const moveWordLeft = ({ text, cursor }: ComposerText): ComposerText => ({
  text,
  cursor: boundaryAt(text, /[\p{L}\p{M}\p{N}]*[^\p{L}\p{M}\p{N}]*$/u.exec(text.slice(0, cursor))!.index),
});

/** To the end of the word at or after the cursor. */
export const moveWordRight = ({ text, cursor }: ComposerText): ComposerText => ({
  text,
  cursor: boundaryAt(
    text,
    cursor + /^[^\p{L}\p{M}\p{N}]*[\p{L}\p{M}\p{N}]*/u.exec(text.slice(cursor))![0].length,
  ),
});

export const moveLineStart = ({ text, cursor }: ComposerText): ComposerText => ({
  text,
  cursor: cursor === 0 ? 0 : text.lastIndexOf("\n", cursor - 1) + 1,
});

export const moveLineEnd = ({ text, cursor }: ComposerText): ComposerText => ({
  text,
  cursor: lineEnd(text, cursor),
});

/** A deletion that can be put back (Ctrl-Y). */
export interface Kill {
  readonly rest: ComposerText;
  readonly killed: string;
}

/** To the end of the line; at its end, the line break. */
export function killToLineEnd(at: ComposerText): Kill {
  const end = lineEnd(at.text, at.cursor);
  return kill(at, at.cursor, end === at.cursor ? Math.min(end + 1, at.text.length) : end);
}

/** To the beginning of the line; at its beginning, the line break before it. */
export function killToLineStart(at: ComposerText): Kill {
  const start = moveLineStart(at).cursor;
  return kill(at, start === at.cursor ? Math.max(0, start - 1) : start, at.cursor);
}

/** The whitespace-separated word before the cursor, as a shell does. */
export function killWordBackward(at: ComposerText): Kill {
  return kill(at, boundaryAt(at.text, /\S*\s*$/u.exec(at.text.slice(0, at.cursor))!.index), at.cursor);
}

export function killWordForward(at: ComposerText): Kill {
  return kill(at, at.cursor, moveWordRight(at).cursor);
}

function kill(at: ComposerText, start: number, end: number): Kill {
  return { rest: replaceRange(at, start, end, ""), killed: at.text.slice(start, end) };
}

function lineEnd(text: string, cursor: number): number {
  const end = text.indexOf("\n", cursor);
  return end === -1 ? text.length : end;
}

/** One row of the composer: its text and where in the whole text it begins. */
export interface ComposerRow {
  readonly text: string;
  readonly start: number;
}

/** The composer broken into rows of `width` columns (one column stays free for the cursor), and the cursor's place. */
export interface ComposerLayout {
  readonly rows: readonly ComposerRow[];
  readonly cursorRow: number;
  readonly cursorColumn: number;
}

export function layOutComposer({ text, cursor }: ComposerText, width: number): ComposerLayout {
  const rows: ComposerRow[] = [];
  let start = 0;
  for (const line of text.split("\n")) {
    let at = start;
    for (const piece of breakLine(line, Math.max(2, width - 1))) {
      rows.push({ text: piece, start: at });
      at += piece.length;
    }
    start += line.length + 1;
  }
  const cursorRow = rows.findLastIndex((row) => row.start <= cursor);
  const row = rows[cursorRow]!;
  return { rows, cursorRow, cursorColumn: textWidth(row.text.slice(0, cursor - row.start)) };
}

/** One row up or down, at the nearest column; undefined beyond the first or last row. */
export function moveRow(at: ComposerText, width: number, step: -1 | 1): ComposerText | undefined {
  const { rows, cursorRow, cursorColumn } = layOutComposer(at, width);
  const row = rows[cursorRow + step];
  if (!row) return undefined;
  let column = 0;
  let cursor = row.start;
  for (const character of graphemes(row.text)) {
    const next = column + textWidth(character);
    if (next > cursorColumn) break;
    column = next;
    cursor += character.length;
  }
  return { text: at.text, cursor };
}

/** Rows are broken by column alone: a word that jumps to the next row under the cursor is a nuisance. */
function breakLine(line: string, width: number): string[] {
  if (textWidth(line) <= width) return [line];
  const pieces: string[] = [];
  let piece = "";
  let used = 0;
  for (const character of graphemes(line)) {
    const characterWidth = textWidth(character);
    if (used + characterWidth > width) {
      pieces.push(piece);
      piece = "";
      used = 0;
    }
    piece += character;
    used += characterWidth;
  }
  pieces.push(piece);
  return pieces;
}
