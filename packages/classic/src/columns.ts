const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

const INVISIBLE = /^[\p{Mark}\p{Default_Ignorable_Code_Point}]+$/u;
const EMOJI = /^\p{Emoji_Presentation}|\ufe0f|^\p{Regional_Indicator}{2}/u;
// East Asian Wide and Fullwidth (Unicode Standard Annex 11), by block.
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]/u;
const NARROW_TEXT = /^[\u0020-\u007e]*$/;

/** What a reader takes for single characters. */
export function graphemes(text: string): string[] {
  if (NARROW_TEXT.test(text)) return text.split("");
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** How many terminal columns one grapheme takes: 0, 1 or 2. */
export function graphemeColumns(grapheme: string): number {
  if (NARROW_TEXT.test(grapheme)) return 1;
  if (INVISIBLE.test(grapheme)) return 0;
  return EMOJI.test(grapheme) || WIDE.test(grapheme) ? 2 : 1;
}

/** How many terminal columns a text takes. */
export function textColumns(text: string): number {
  if (NARROW_TEXT.test(text)) return text.length;
  return graphemes(text).reduce((sum, grapheme) => sum + graphemeColumns(grapheme), 0);
}

/** The text in rows of at most `columns` columns, broken at blanks where there are any, else between graphemes. */
export function wrapText(text: string, columns: number): string[] {
  const width = Math.max(2, columns);
  const rows: string[] = [];
  let row = "";
  let rowColumns = 0;
  for (const grapheme of graphemes(text)) {
    const graphemeWidth = graphemeColumns(grapheme);
    if (rowColumns + graphemeWidth > width) {
      const cut = grapheme === " " ? row.length : breakPlace(row);
      rows.push(row.slice(0, cut));
      row = row.slice(cut).trimStart();
      rowColumns = textColumns(row);
      if (grapheme === " " && row === "") continue;
    }
    row += grapheme;
    rowColumns += graphemeWidth;
  }
  rows.push(row);
  return rows;
}

/** Where a full row is cut: at its last blank, or at its end when it is one long word. */
function breakPlace(row: string): number {
  const blank = row.lastIndexOf(" ");
  return blank > 0 && row.slice(0, blank).trim() !== "" ? blank : row.length;
}
