import type { Background } from "./palette.ts";

/** Asks a terminal for its background colour (OSC 11); the answer comes as a `reply` of the key decoder. */
export const BACKGROUND_QUERY = "\x1b]11;?\x1b\\";

/** Reads the answer to {@link BACKGROUND_QUERY}: `11;rgb:1e1e/1e1e/2e2e`. Undefined when it is something else. */
export function backgroundFromReply(reply: string): Background | undefined {
  const match = /^11;rgba?:([0-9a-f]{1,4})\/([0-9a-f]{1,4})\/([0-9a-f]{1,4})/i.exec(reply);
  if (!match) return undefined;
  const [red, green, blue] = [match[1]!, match[2]!, match[3]!].map(
    (digits) => Number.parseInt(digits, 16) / (16 ** digits.length - 1),
  );
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue! > 0.5 ? "light" : "dark";
}

/** Reads the variable COLORFGBG ("15;0", "0;default;15"): rxvt's and Konsole's way of telling. */
export function backgroundFromColorFgBg(value: string | undefined): Background | undefined {
  const last = value?.split(";").at(-1);
  if (last === undefined || !/^\d+$/.test(last)) return undefined;
  const colour = Number(last);
  return colour === 7 || (colour >= 9 && colour <= 15) ? "light" : "dark";
}
