/** The background the colours are chosen for. */
export type Background = "dark" | "light";

/** What a colour is for; the palette knows how it looks. */
export type Tone =
  | "plain"
  | "faint"
  | "accent"
  | "good"
  | "warning"
  | "bad"
  | "mention"
  | "selected"
  | "rule"
  | "bar"
  | "barFaint"
  | "barAccent"
  | "barGood"
  | "barWarning"
  | "barBad"
  | { readonly person: string };

/** A run of text in one tone. `text` has neither controls nor line breaks. */
export interface Span {
  readonly text: string;
  readonly tone?: Tone;
  readonly bold?: boolean;
}

/** One row of the screen. */
export type Line = readonly Span[];

interface ToneColours {
  readonly foreground?: number;
  readonly background?: number;
}

const TONES: Readonly<Record<Background, Readonly<Record<Extract<Tone, string>, ToneColours>>>> = {
  dark: {
    plain: {},
    faint: { foreground: 245 },
    accent: { foreground: 110 },
    good: { foreground: 114 },
    warning: { foreground: 179 },
    bad: { foreground: 203 },
    mention: { foreground: 222, background: 236 },
    selected: { foreground: 255, background: 238 },
    rule: { foreground: 238 },
    bar: { foreground: 252, background: 235 },
    barFaint: { foreground: 246, background: 235 },
    barAccent: { foreground: 110, background: 235 },
    barGood: { foreground: 114, background: 235 },
    barWarning: { foreground: 179, background: 235 },
    barBad: { foreground: 203, background: 235 },
  },
  light: {
    plain: {},
    faint: { foreground: 242 },
    accent: { foreground: 25 },
    good: { foreground: 28 },
    warning: { foreground: 130 },
    bad: { foreground: 160 },
    mention: { foreground: 88, background: 230 },
    selected: { foreground: 16, background: 252 },
    rule: { foreground: 250 },
    bar: { foreground: 236, background: 254 },
    barFaint: { foreground: 240, background: 254 },
    barAccent: { foreground: 25, background: 254 },
    barGood: { foreground: 28, background: 254 },
    barWarning: { foreground: 130, background: 254 },
    barBad: { foreground: 160, background: 254 },
  },
};

/** Hues that stay apart from each other and readable (contrast ≥ 4.5) on their background. */
const PEOPLE: Readonly<Record<Background, readonly number[]>> = {
  dark: [75, 114, 180, 176, 80, 215, 147, 150, 210, 109, 183, 143],
  light: [25, 22, 94, 90, 23, 124, 55, 58, 125, 24, 54, 100],
};

/** What no row may hold: control characters (C0, C1) and bidi controls. */
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** How rows become what is written to the terminal. */
export interface Palette {
  /**
   * The row with its colours as SGR sequences. The last guard before the terminal: a control character that got this
   * far is shown as U+FFFD.
   */
  paint(line: Line): string;
}

/** A palette for a background; without `colour`, tones differ by weight and reversal alone (`NO_COLOR`). */
export function createPalette(background: Background, colour: boolean): Palette {
  return {
    paint: (line) => line.map((span) => paintSpan(span, background, colour)).join(""),
  };
}

function paintSpan(span: Span, background: Background, colour: boolean): string {
  const text = span.text.replace(UNSAFE, "\ufffd");
  const codes = colour ? colourCodes(span, background) : attributeCodes(span);
  return codes === "" ? text : `\x1b[${codes}m${text}\x1b[0m`;
}

function colourCodes({ tone = "plain", bold }: Span, background: Background): string {
  const colours =
    typeof tone === "string" ? TONES[background][tone] : { foreground: colourOf(tone.person, background) };
  const codes: string[] = bold ? ["1"] : [];
  if (colours.foreground !== undefined) codes.push(`38;5;${colours.foreground}`);
  if (colours.background !== undefined) codes.push(`48;5;${colours.background}`);
  return codes.join(";");
}

function attributeCodes({ tone = "plain", bold }: Span): string {
  if (tone === "selected" || (typeof tone === "string" && tone.startsWith("bar"))) return bold ? "7;1" : "7";
  return bold || tone === "mention" || tone === "bad" ? "1" : "";
}

/** The same account has the same colour in every room and on every start. */
function colourOf(account: string, background: Background): number {
  const hues = PEOPLE[background];
  let hash = 0x811c9dc5;
  for (let index = 0; index < account.length; index += 1) {
    hash = Math.imul(hash ^ account.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hues[hash % hues.length]!;
}
