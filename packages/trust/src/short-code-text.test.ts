import { inspect } from "node:util";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import {
  formatShortCode,
  generateShortCode,
  MAX_NAMEPLATE,
  parseShortCode,
  shortCodeWordsFrom,
} from "./short-code-text.ts";
import { SHORT_CODE_WORDS } from "./short-code-words.ts";

test("the list has 1,296 words of BIP 39, in order, with four letters that tell each apart", () => {
  expect(SHORT_CODE_WORDS).toHaveLength(6 ** 4);
  expect(new Set(SHORT_CODE_WORDS.map((word) => word.slice(0, 4))).size).toBe(6 ** 4);
  expect(SHORT_CODE_WORDS).toEqual([...SHORT_CODE_WORDS].sort());
  const origin = new Set(wordlist);
  expect(SHORT_CODE_WORDS.filter((word) => !origin.has(word))).toEqual([]);
});

test("no slip of one letter turns a word into another one", () => {
  const known = new Set(SHORT_CODE_WORDS);
  const letters = "abcdefghijklmnopqrstuvwxyz";
  for (const word of SHORT_CODE_WORDS) {
    const slips = new Set<string>();
    for (let at = 0; at <= word.length; at++) {
      const [head, tail] = [word.slice(0, at), word.slice(at)];
      slips.add(head + tail.slice(1));
      if (tail.length > 1) slips.add(head + tail[1] + tail[0] + tail.slice(2));
      for (const letter of letters) slips.add(head + letter + tail).add(head + letter + tail.slice(1));
    }
    slips.delete(word);
    expect(
      [...slips].filter((slip) => known.has(slip)),
      word,
    ).toEqual([]);
  }
});

test.each([
  "7-river-copper-lamp",
  " 7 River  COPPER lamp ",
  "7.river_copper–lamp\n",
  "７－ｒｉｖｅｒ copper lamp",
])("%j is read as people type it", (typed) => {
  expect(formatShortCode(parseShortCode(typed))).toBe("7-river-copper-lamp");
});

test.each([
  ["", undefined],
  ["river-copper-lamp", undefined],
  ["0-river-copper-lamp", undefined],
  ["07-river-copper-lamp", undefined],
  ["1000000-river-copper-lamp", undefined],
  ["٧-river-copper-lamp", undefined],
  ["7-river-copper", undefined],
  ["7-river-copper-lamp-lamp", undefined],
  ["7-river-coper-lamp", 2],
  ["7-rivercopper-lamp", 1],
  ["7-river-copper-lаmp", 3],
  [`7-river-copper-lamp${" ".repeat(300)}`, undefined],
])("%j is no code", (typed, word) => {
  expect(() => parseShortCode(typed)).toThrow(
    expect.objectContaining({ code: "short-code-invalid", data: word === undefined ? {} : { word } }),
  );
});

test("every code that is made is read back", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: MAX_NAMEPLATE }), (nameplate) => {
      const code = generateShortCode(nameplate);
      const again = parseShortCode(formatShortCode(code));
      expect(again.nameplate).toBe(nameplate);
      expect(again.words.expose()).toEqual(code.words.expose());
    }),
  );
  for (const nameplate of [0, -1, 1.5, MAX_NAMEPLATE + 1, Number.NaN]) {
    expect(() => generateShortCode(nameplate)).toThrow("short-code-invalid");
  }
});

test("words are drawn evenly", () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 4000; i++) {
    for (const word of formatShortCode(generateShortCode(1)).split("-").slice(1)) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  const expected = 12_000 / SHORT_CODE_WORDS.length;
  const chiSquared = SHORT_CODE_WORDS.reduce(
    (sum, word) => sum + ((counts.get(word) ?? 0) - expected) ** 2 / expected,
    0,
  );
  // 1,295 degrees of freedom: mean 1,295, deviation 51; seven of them apart is no accident.
  expect(Math.abs(chiSquared - 1295)).toBeLessThan(7 * 51);
});

test("a draw beyond the last whole multiple of the list is thrown away", () => {
  const draws = [2 ** 16 - 1, 2 ** 16 - (2 ** 16 % 6 ** 4), 0, 1296, 1];
  const spy = vi.spyOn(crypto, "getRandomValues").mockImplementation((array) => {
    (array as Uint16Array)[0] = draws.shift() as number;
    return array;
  });
  const [first, second] = SHORT_CODE_WORDS;
  expect(formatShortCode(generateShortCode(1))).toBe(`1-${first}-${first}-${second}`);
  spy.mockRestore();
});

test("the beginning of a word is completed", () => {
  expect(shortCodeWordsFrom("Copp")).toEqual(["copper"]);
  expect(shortCodeWordsFrom("")).toEqual([]);
  expect(shortCodeWordsFrom("zz")).toEqual([]);
});

test("a code does not print its words", () => {
  const code = parseShortCode("7-river-copper-lamp");
  expect(inspect(code)).toBe("{ nameplate: 7, words: [secret] }");
  expect(JSON.stringify(code)).toBe('{"nameplate":7,"words":"[secret]"}');
});
