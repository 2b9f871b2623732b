/**
 * The one place where text from other people is made safe to show, in a terminal or on a page. What is removed is what
 * can act (control characters, escape sequences), lie about order (bidi controls), hide (zero-width and tag characters)
 * or pretend (check marks in names).
 */

/** How {@link displayText} treats line breaks. */
export interface DisplayTextOptions {
  /** Keep line breaks, as `\n`; otherwise each run of them becomes one space. */
  readonly multiline: boolean;
}

/** Combining marks that one character may carry; more climb over the lines above and below. */
const MARKS_PER_CHARACTER = 6;
const TAB = "    ";

/** CSI, then the string sequences (OSC, DCS, SOS, PM, APC) up to their end, then two- and three-byte escapes; 7 and 8 bit. */
const ESCAPE_SEQUENCES =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]/g;
const LINE_BREAKS = /\r\n|[\r\n\v\f\x85\u2028\u2029]/g;
/** What never shows and always goes; joiners and variation selectors are looked at one by one. */
const INVISIBLE = new RegExp(
  [
    "[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f", // controls, but for the line feed
    "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069", // bidi
    "\\u00ad\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b\\u2060-\\u2065\\u206a-\\u206f\\u2800\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb", // zero width, fillers
    "\\ufe00-\\ufe0d\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}", // variation selectors, tags
    "\\p{Noncharacter_Code_Point}]",
  ].join(""),
  "gu",
);
const LONE_SURROGATE = /\p{Surrogate}/gu;
/** Scripts in which a joiner or non-joiner changes the written word. */
const JOINING_LETTER =
  /^[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}]$/u;
const PICTOGRAPH = /^\p{Extended_Pictographic}$/u;
const EMOJI_PART = /^(?:[\p{Extended_Pictographic}\p{Emoji_Modifier}]|\ufe0f)$/u;
const SELECTABLE = /^[\p{Emoji}\p{Extended_Pictographic}]$/u;
const MARK = /^\p{M}$/u;
const NEEDS_A_LOOK = /\u200c|\u200d|\p{M}/u;
/** Check marks, ballot boxes, seals, shields and locks: only Parley itself may say that somebody was checked. */
const MARKS_OF_TRUST =
  /[\u221a\u2611\u2705\u2713\u2714\u{10102}\u237b\u{1f512}\u{1f510}\u{1f50f}\u{1f511}\u{1f5dd}\u{1f5f8}\u{1f5f9}\u{1f6e1}\u{1fbb1}\u{1f5f3}\u{1f3c5}\u{1f396}\u{1f530}\u{1f197}\u{1f7e2}]/gu;

/**
 * Remote text, safe to print. The result has no control character but `\n` (and that only when `multiline`), no escape
 * sequence, no bidi control, no tag or zero-width character outside emoji and scripts that need joiners. Lone
 * surrogates become U+FFFD, a tab four spaces. Applying it twice changes nothing more.
 */
export function displayText(text: string, { multiline }: DisplayTextOptions): string {
  const plain = text
    .replace(ESCAPE_SEQUENCES, "")
    .replace(LINE_BREAKS, "\n")
    .replaceAll("\t", TAB)
    .replace(INVISIBLE, "")
    .replace(LONE_SURROGATE, "\ufffd");
  const lines = multiline ? plain : plain.replace(/\n+/g, " ");
  return NEEDS_A_LOOK.test(lines) ? withoutIdleJoiners(lines) : lines;
}

/**
 * A name of a person or room, safe to print on one line: {@link displayText}, no marks that look like a verification,
 * no outer or doubled spaces. "unnamed" when nothing is left.
 */
export function displayName(name: string): string {
  const text = displayText(name.normalize("NFC").replace(MARKS_OF_TRUST, ""), { multiline: false })
    .replace(/^[\p{M}\s]+/u, "")
    .replace(/\s+/gu, " ")
    .trim();
  return text === "" ? "unnamed" : text;
}

/** Drops joiners, selectors and piled-up marks where they do nothing but hide or overflow. */
function withoutIdleJoiners(text: string): string {
  const points = Array.from(text);
  const kept: string[] = [];
  let marks = 0;
  for (const [index, point] of points.entries()) {
    const before = kept.at(-1) ?? "";
    if (point === "\u200d" || point === "\u200c") {
      if (joins(point, kept, points[index + 1] ?? "")) kept.push(point);
    } else if (point === "\ufe0e" || point === "\ufe0f") {
      if (SELECTABLE.test(before)) kept.push(point);
    } else if (MARK.test(point)) {
      marks += 1;
      if (marks <= MARKS_PER_CHARACTER) kept.push(point);
    } else {
      marks = 0;
      kept.push(point);
    }
  }
  return kept.join("");
}

function joins(joiner: string, kept: readonly string[], after: string): boolean {
  if (joiner === "\u200d" && EMOJI_PART.test(kept.at(-1) ?? "") && PICTOGRAPH.test(after)) return true;
  const base = kept.findLast((point) => !MARK.test(point)) ?? "";
  return JOINING_LETTER.test(base) && JOINING_LETTER.test(after);
}
