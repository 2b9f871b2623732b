import { spread } from "./line.ts";
import type { Line } from "./palette.ts";
import { wrapText } from "./text-width.ts";

/** A page that a command showed, until Escape. */
export interface Panel {
  readonly title: string;
  readonly lines: readonly string[];
  /** Rows scrolled down. */
  readonly offset: number;
}

/** The panel's rows over the whole width, so that a long link can be selected: at most `maxRows`, title included. */
export function panelLines(panel: Panel, width: number, maxRows: number): { lines: Line[]; last: number } {
  const texts = panel.lines.flatMap((line) =>
    isLink(line) ? wrapText(line, width) : wrapText(line, width - 2).map((text) => ` ${text}`),
  );
  const height = Math.max(1, Math.min(texts.length, maxRows - 1));
  const last = Math.max(0, texts.length - height);
  const offset = Math.min(panel.offset, last);
  const more = last === 0 ? "" : offset < last ? "PgDn: more · " : "PgUp · ";
  const title = spread(
    [{ text: ` ${panel.title}`, tone: "bar", bold: true }],
    [{ text: ` ${more}Esc closes `, tone: "barFaint" }],
    width,
    "bar",
  );
  const body = texts.slice(offset, offset + height).map((text): Line => [{ text }]);
  return { lines: [title, ...body].slice(0, maxRows), last };
}

/** Links start at the edge, so that they can be selected as a whole; prose has a margin. */
function isLink(line: string): boolean {
  return /^[a-z]+:\S+$/.test(line);
}
