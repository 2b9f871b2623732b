import stringWidth from "string-width";

const SEGMENTER = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const ASCII = /^[\x20-\x7e]*$/;

/** Columns that `text` takes on a terminal. */
export function textWidth(text: string): number {
  return ASCII.test(text) ? text.length : stringWidth(text);
}

/** What a person sees as characters: grapheme clusters. */
export function graphemes(text: string): string[] {
  return ASCII.test(text) ? text.split("") : Array.from(SEGMENTER.segment(text), ({ segment }) => segment);
}

/** The index where the character that ends at or spans `index` begins; 0 at the start. */
export function characterBefore(text: string, index: number): number {
  return index <= 0 ? 0 : (SEGMENTER.segment(text).containing(index - 1)?.index ?? 0);
}

/** The index just after the character that begins at or spans `index`. */
export function characterAfter(text: string, index: number): number {
  const found = SEGMENTER.segment(text).containing(index);
  return found ? found.index + found.segment.length : text.length;
}

/** The nearest character boundary at or after `index`. */
export function boundaryAt(text: string, index: number): number {
  if (index <= 0) return 0;
  if (index >= text.length) return text.length;
  const found = SEGMENTER.segment(text).containing(index);
  return !found || found.index === index ? index : found.index + found.segment.length;
}

/** `text` cut to at most `width` columns, with an ellipsis where something was cut off. */
export function truncate(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width <= 0) return "";
  return `${prefixOfWidth(text, width - 1)}…`;
}

/** `text` cut or filled with spaces to exactly `width` columns. */
export function fit(text: string, width: number, align: "left" | "right" = "left"): string {
  const cut = truncate(text, width);
  const filling = " ".repeat(Math.max(0, width - textWidth(cut)));
  return align === "left" ? cut + filling : filling + cut;
}

function prefixOfWidth(text: string, width: number): string {
  let used = 0;
  let prefix = "";
  for (const character of graphemes(text)) {
    used += textWidth(character);
    if (used > width) break;
    prefix += character;
  }
  return prefix;
}

/**
 * Lines of at most `width` columns, broken between words where it can be, inside a word where it must, never inside a
 * character. Spaces at a break are dropped, those that begin a line of the text are kept. `first` is the width of the
 * very first line, when something else stands before it.
 */
export function wrapText(text: string, width: number, first: number = width): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    wrapParagraph(paragraph, Math.max(2, width), lines.length === 0 ? Math.max(2, first) : undefined, lines);
  }
  return lines;
}

function wrapParagraph(text: string, width: number, first: number | undefined, lines: string[]): void {
  let room = first ?? width;
  if (textWidth(text) <= room) {
    lines.push(text);
    return;
  }
  let line = "";
  let used = 0;
  const finish = (): void => {
    lines.push(line.trimEnd());
    line = "";
    used = 0;
    room = width;
  };
  for (const word of text.match(/ +|[^ ]+/g) ?? []) {
    const wordWidth = textWidth(word);
    if (used + wordWidth <= room) {
      line += word;
      used += wordWidth;
    } else if (word.startsWith(" ")) {
      finish();
    } else if (wordWidth <= width) {
      finish();
      line = word;
      used = wordWidth;
    } else {
      for (const character of graphemes(word)) {
        const characterWidth = textWidth(character);
        if (used + characterWidth > room) finish();
        line += character;
        used += characterWidth;
      }
    }
  }
  if (line !== "") lines.push(line.trimEnd());
}
