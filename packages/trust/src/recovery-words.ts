import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { TrustError } from "./errors.ts";
import { Secret } from "./secret.ts";

/** Number of recovery words. */
export const RECOVERY_WORDS = 24;

const known = new Set(wordlist);

/**
 * @param seed 32 bytes: the seed of a recovery key.
 * @returns 24 words of the English BIP39 list, one space between. This *is* the secret: show it once, store it nowhere.
 */
export function recoveryWordsOf(seed: Secret): string {
  return entropyToMnemonic(seed.expose(), wordlist);
}

/**
 * Reads typed or pasted words: any case, any white space, also numbered (`1. abandon 2. ability`).
 * Throws `words-invalid`: with `word` when that one is not in the list, without when the number or the checksum is wrong.
 */
export function seedFromRecoveryWords(typed: string): Secret {
  const words = typed
    .normalize("NFKD")
    .toLowerCase()
    .split(/[\s\d.,:;)]+/u)
    .filter((word) => word !== "");
  const unknownAt = words.findIndex((word) => !known.has(word));
  if (unknownAt >= 0) throw new TrustError("words-invalid", "not in the list", { word: unknownAt + 1 });
  if (words.length !== RECOVERY_WORDS) throw new TrustError("words-invalid", "not 24 words");
  const entropy = entropyOf(words.join(" "));
  const seed = new Secret(entropy);
  entropy.fill(0);
  return seed;
}

function entropyOf(words: string): Uint8Array {
  try {
    return mnemonicToEntropy(words, wordlist);
  } catch {
    throw new TrustError("words-invalid", "checksum");
  }
}
