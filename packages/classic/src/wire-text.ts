/** Longest text, in UTF-8 bytes and with its prefix, whose packet an original reads in one go (classic-v1 §2). */
export const MAX_TEXT_BYTES = 1007;

const BREAKS_AND_TABS = /[\t\n\v\f\r\u0085\u2028\u2029]+/gu;
// C0, DEL, C1, and the marks that turn the direction of the text after them.
const UNSAFE =
  /[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const SUSPECT = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/;

/**
 * The text as it may reach a screen, a log or another client: one line, no control characters, no escape sequences,
 * no bidirectional overrides. Breaks and tabs become one blank, everything else of that kind a visible U+FFFD.
 */
export function cleanText(text: string): string {
  if (!SUSPECT.test(text)) return text;
  return text.toWellFormed().replace(BREAKS_AND_TABS, " ").replace(UNSAFE, "\ufffd");
}

const ASCII_SPACE_AT_END = /[\t\n\v\f\r ]+$/;
const NO_BREAK_SPACE = "\u00a0";
const BLOCK_BYTES = 16;

/** Most bytes `fillForOriginalServer` adds. */
export const LARGEST_FILL_BYTES = 2 * (BLOCK_BYTES - 1);

/**
 * The text with no-break spaces at its end until its UTF-8 bytes exceed its characters by a multiple of 16. An
 * original server pads what it relays by characters and loses the sender over any other surplus (classic-v1 §5 D14).
 */
export function fillForOriginalServer(text: string): string {
  const surplus = Buffer.byteLength(text) - Array.from(text).length;
  return text + NO_BREAK_SPACE.repeat((BLOCK_BYTES - (surplus % BLOCK_BYTES)) % BLOCK_BYTES);
}

const CONTINUATION_MASK = 0xc0;
const CONTINUATION = 0x80;
const BLANK = 0x20;

/**
 * Cuts a text into pieces of at most `limitBytes` UTF-8 bytes between characters. Blanks at the end are dropped, as
 * the wire drops them; no piece ends in one, so the pieces put together are the text again. An empty text is one
 * empty piece. `limitBytes` must be at least 4, the longest character.
 */
export function splitText(text: string, limitBytes: number): string[] {
  const trimmed = text.replace(ASCII_SPACE_AT_END, "");
  if (trimmed.length * 3 <= limitBytes) return [trimmed];
  const bytes = Buffer.from(trimmed);
  const pieces: string[] = [];
  let start = 0;
  while (bytes.length - start > limitBytes) {
    const end = pieceEnd(bytes, start, start + limitBytes);
    pieces.push(bytes.toString("utf8", start, end));
    start = end;
  }
  pieces.push(bytes.toString("utf8", start));
  return pieces;
}

/** The last place up to `limit` that lies between two characters and not behind a blank. */
function pieceEnd(bytes: Uint8Array, start: number, limit: number): number {
  let end = limit;
  while (((bytes[end] ?? 0) & CONTINUATION_MASK) === CONTINUATION) end--;
  let unblanked = end;
  while (unblanked > start && bytes[unblanked - 1] === BLANK) unblanked--;
  return unblanked > start ? unblanked : end;
}
