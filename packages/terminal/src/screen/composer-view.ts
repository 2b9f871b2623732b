import type { ComposerText } from "./composer-text.ts";
import { layOutComposer } from "./composer-text.ts";
import type { Line } from "./palette.ts";

/** Columns before the text: the prompt, and the same indent on further rows. */
export const PROMPT_WIDTH = 3;

/** The composer as rows, and where the terminal's cursor stands in them. */
export interface ComposerView {
  readonly lines: readonly Line[];
  readonly cursorRow: number;
  readonly cursorColumn: number;
}

/** At most `maxRows` rows, those around the cursor. `placeholder` shows while nothing is typed. */
export function composerView(
  content: ComposerText,
  {
    width,
    maxRows,
    placeholder,
  }: { readonly width: number; readonly maxRows: number; readonly placeholder: string },
): ComposerView {
  const layout = layOutComposer(content, width - PROMPT_WIDTH);
  const count = Math.min(maxRows, layout.rows.length);
  const first = Math.min(Math.max(0, layout.cursorRow - count + 1), layout.rows.length - count);
  const lines = layout.rows.slice(first, first + count).map((row, offset): Line => {
    const index = first + offset;
    const cut = (offset === 0 && first > 0) || (offset === count - 1 && first + count < layout.rows.length);
    const prompt: Line = [{ text: index === 0 ? " › " : cut ? " ⋮ " : "   ", tone: "accent", bold: true }];
    if (content.text === "") return [...prompt, { text: placeholder, tone: "faint" }];
    return [...prompt, { text: row.text }];
  });
  return { lines, cursorRow: layout.cursorRow - first, cursorColumn: PROMPT_WIDTH + layout.cursorColumn };
}
