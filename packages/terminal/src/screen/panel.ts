import { spread } from "./line.ts";
import type { Line } from "./palette.ts";
import { fit, textWidth, wrapText } from "./text-width.ts";

/** A page that a command showed, until Escape. */
export interface Panel {
  readonly title: string;
  /** Prose, a link alone, or a term and its text with a tab between. */
  readonly lines: readonly string[];
  /** Rows scrolled down. */
  readonly offset: number;
}

/** The panel's rows over the whole width, so that a long link can be selected: at most `maxRows`, title included. */
export function panelLines(panel: Panel, width: number, maxRows: number): { lines: Line[]; last: number } {
  const term = Math.max(0, ...panel.lines.map((line) => textWidth(termOf(line))));
  const texts = panel.lines.flatMap((line) =>
    wrapPanelLine(line, width, Math.min(term, Math.floor(width / 2))),
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

/** Links start at the edge, so that they can be selected as a whole; prose has a margin, terms a column. */
function wrapPanelLine(line: string, width: number, term: number): string[] {
  if (/^[a-z]+:\S+$/.test(line)) return wrapText(line, width);
  const [left, right] = line.split("\t");
  if (right === undefined) return wrapText(line, width - 2).map((text) => ` ${text}`);
  const indent = term + 3;
  return wrapText(right, width - indent - 1).map(
    (text, index) => ` ${fit(index === 0 ? left! : "", term)}  ${text}`,
  );
}

function termOf(line: string): string {
  return line.includes("\t") ? line.split("\t")[0]! : "";
}
