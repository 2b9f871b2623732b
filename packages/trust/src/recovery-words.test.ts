import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { TrustError } from "./errors.ts";
import { recoveryWordsOf, seedFromRecoveryWords } from "./recovery-words.ts";
import { Secret } from "./secret.ts";

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/recovery-words.json", import.meta.url), "utf8"),
) as { seed: string; words: string }[];

function refusal(typed: string): TrustError {
  try {
    seedFromRecoveryWords(typed);
  } catch (error) {
    if (error instanceof TrustError) return error;
  }
  throw new Error("accepted");
}

test.each(vectors)("the vector $seed", ({ seed, words }) => {
  expect(recoveryWordsOf(new Secret(Uint8Array.fromHex(seed)))).toBe(words);
  expect(seedFromRecoveryWords(words).expose().toHex()).toBe(seed);
});

test("words give the seed back, however they are typed", () => {
  fc.assert(
    fc.property(seeds, (bytes) => {
      const words = recoveryWordsOf(new Secret(bytes));
      const numbered = words.split(" ").map((word, place) => `${place + 1}. ${word.toUpperCase()}`);
      expect(seedFromRecoveryWords(words).expose()).toEqual(bytes);
      expect(seedFromRecoveryWords(`  ${numbered.join("\n")}\n`).expose()).toEqual(bytes);
    }),
  );
});

test("a word that is not in the list is named by its place, not by itself", () => {
  const words = recoveryWordsOf(new Secret(new Uint8Array(32))).split(" ");
  words[6] = "parley";
  const error = refusal(words.join(" "));
  expect(error.code).toBe("words-invalid");
  expect(error.data).toEqual({ word: 7 });
  expect(error.message).not.toContain("parley");
});

test("too few words, too many, and swapped ones are refused", () => {
  const words = recoveryWordsOf(new Secret(new Uint8Array(32).fill(7))).split(" ");
  const swapped = [words[1], words[0], ...words.slice(2)];
  expect(words[0]).not.toBe(words[1]);
  for (const typed of [words.slice(1), [...words, words[0]], words.slice(0, 12), swapped, []]) {
    expect(refusal(typed.join(" ")).code).toBe("words-invalid");
  }
});
