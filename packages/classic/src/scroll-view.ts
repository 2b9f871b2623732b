import { wrapText } from "./columns.ts";
import type { TranscriptLine } from "./transcript.ts";

interface Wrapped {
  readonly columns: number;
  readonly rows: readonly string[];
}

/** The lines of a window wrapped to its width; each line is wrapped once per width. */
export class ScrollView {
  readonly #wrapped = new WeakMap<TranscriptLine, Wrapped>();

  /** The rows of one line. */
  rowsOf(line: TranscriptLine, columns: number): readonly string[] {
    const known = this.#wrapped.get(line);
    if (known?.columns === columns) return known.rows;
    const rows = wrapText(line.text, columns);
    this.#wrapped.set(line, { columns, rows });
    return rows;
  }

  /** How many rows the lines from `start` on take. */
  rowCount(lines: readonly TranscriptLine[], columns: number, start = 0): number {
    let count = 0;
    for (const line of lines.slice(start)) count += this.rowsOf(line, columns).length;
    return count;
  }

  /** The rows that a window of `height` rows shows when it is scrolled back by `offset` rows. */
  visible(lines: readonly TranscriptLine[], columns: number, height: number, offset: number): string[] {
    const wanted = height + offset;
    const rows: string[] = [];
    for (let i = lines.length - 1; i >= 0 && rows.length < wanted; i--) {
      rows.unshift(...this.rowsOf(lines[i] as TranscriptLine, columns));
    }
    const end = Math.max(Math.min(height, rows.length), rows.length - offset);
    return rows.slice(Math.max(0, end - height), end);
  }
}
