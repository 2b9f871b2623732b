import fc from "fast-check";
import { expect, test } from "vitest";
import { characterAfter, characterBefore, fit, textWidth, truncate, wrapText } from "./text-width.ts";

const text = fc
  .array(fc.constantFrom("a", "word ", " ", "日本", "👩‍👩‍👧", "é", "e\u0301", "\n", "looooooong", "🇨🇭"), {
    maxLength: 40,
  })
  .map((parts) => parts.join(""));

test("a wrapped line is never wider than asked, whatever the script", () => {
  fc.assert(
    fc.property(
      text,
      fc.integer({ min: 2, max: 30 }),
      fc.integer({ min: 2, max: 30 }),
      (input, width, first) => {
        const lines = wrapText(input, width, first);
        for (const [index, line] of lines.entries()) {
          expect(textWidth(line)).toBeLessThanOrEqual(index === 0 ? Math.max(first, 2) : width);
        }
      },
    ),
  );
});

test("wrapping loses nothing but spaces", () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 2, max: 30 }), (input, width) => {
      expect(wrapText(input, width).join("").replaceAll(" ", "")).toBe(input.replace(/[ \n]/g, ""));
    }),
  );
});

test("breaks between words", () => {
  expect(wrapText("the quick brown fox", 10)).toEqual(["the quick", "brown fox"]);
  expect(wrapText("  indented code", 40)).toEqual(["  indented code"]);
  expect(wrapText("日本語のテキスト", 6)).toEqual(["日本語", "のテキ", "スト"]);
});

test("fits text to exactly the width", () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 0, max: 30 }), (input, width) => {
      const line = input.replaceAll("\n", " ");
      expect(textWidth(fit(line, width))).toBe(width);
      expect(textWidth(truncate(line, width))).toBeLessThanOrEqual(width);
    }),
  );
});

test("steps over whole characters", () => {
  const family = "a👩‍👩‍👧b";
  expect(characterAfter(family, 1)).toBe(family.length - 1);
  expect(characterBefore(family, family.length - 1)).toBe(1);
  expect(characterBefore(family, 0)).toBe(0);
});
