import { TrustError } from "./errors.ts";
import { Secret } from "./secret.ts";
import { SHORT_CODE_WORDS } from "./short-code-words.ts";

/** Words in a code: 31 bits. */
export const SHORT_CODE_LENGTH = 3;
/** Highest number that tells the codes on offer at one server apart. */
export const MAX_NAMEPLATE = 999_999;
const MAX_TYPED_CHARACTERS = 256;

/** A code as one person tells it to another: `7-river-copper-lamp`. */
export interface ShortCode {
  /** Which offer is meant; the relay sees it. */
  readonly nameplate: number;
  /** The three words with dashes between them, in ASCII. The relay never sees them. */
  readonly words: Secret;
}

const known = new Set(SHORT_CODE_WORDS);

/** @returns a code with three words drawn at random, each as likely as any other. Throws `short-code-invalid`. */
export function generateShortCode(nameplate: number): ShortCode {
  const words = Array.from({ length: SHORT_CODE_LENGTH }, () => SHORT_CODE_WORDS[randomPlace()] as string);
  return codeOf(nameplate, words);
}

/** @returns the code as it is shown to the inviter. It is the secret: show it once, store it nowhere. */
export function formatShortCode({ nameplate, words }: ShortCode): string {
  return `${nameplate}-${new TextDecoder().decode(words.expose())}`;
}

/**
 * Reads a code as people type it: capitals, full-width letters, spaces, dots or underscores for dashes. Throws
 * `short-code-invalid`; data: `word`, the place from 1 of the first one that is not in the list.
 */
export function parseShortCode(typed: string): ShortCode {
  if (typed.length > MAX_TYPED_CHARACTERS) throw new TrustError("short-code-invalid", "too long");
  const parts = typed
    .normalize("NFKC")
    .toLowerCase()
    .split(/[\s\p{Dash_Punctuation}._]+/u)
    .filter((part) => part !== "");
  const [nameplate = "", ...words] = parts;
  if (!/^[1-9][0-9]{0,5}$/.test(nameplate)) throw new TrustError("short-code-invalid", "number");
  return codeOf(Number(nameplate), words);
}

/** @returns the words that begin so, for completion while typing; none for an empty beginning. */
export function shortCodeWordsFrom(beginning: string): readonly string[] {
  const start = beginning.normalize("NFKC").toLowerCase();
  return start === "" ? [] : SHORT_CODE_WORDS.filter((word) => word.startsWith(start));
}

function codeOf(nameplate: number, words: readonly string[]): ShortCode {
  if (!Number.isInteger(nameplate) || nameplate < 1 || nameplate > MAX_NAMEPLATE) {
    throw new TrustError("short-code-invalid", "number");
  }
  const unknown = words.findIndex((word) => !known.has(word));
  if (unknown >= 0) throw new TrustError("short-code-invalid", "unknown word", { word: unknown + 1 });
  if (words.length !== SHORT_CODE_LENGTH) throw new TrustError("short-code-invalid", "not three words");
  return { nameplate, words: new Secret(new TextEncoder().encode(words.join("-"))) };
}

const DRAWN_VALUES = 2 ** 16;

function randomPlace(): number {
  const fair = DRAWN_VALUES - (DRAWN_VALUES % SHORT_CODE_WORDS.length);
  for (;;) {
    const [drawn = fair] = crypto.getRandomValues(new Uint16Array(1));
    if (drawn < fair) return drawn % SHORT_CODE_WORDS.length;
  }
}
