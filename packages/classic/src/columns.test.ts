import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { graphemes, textColumns, wrapText } from "./columns.ts";

test.each([
  ["abc", 3],
  ["grüße €", 7],
  ["日本語", 6],
  ["한국어", 6],
  ["ｆｕｌｌ", 8],
  ["🔒👍🏽", 4],
  ["👩‍👩‍👧", 2],
  ["🇩🇪", 2],
  ["e\u0301", 1],
  ["\u200b", 0],
  ["❤️", 2],
])("%s takes %i columns", (text, columns) => expect(textColumns(text)).toBe(columns));

describe("wrapping", () => {
  test("breaks at blanks, and inside a word only when it has to", () => {
    expect(wrapText("one two three", 8)).toEqual(["one two", "three"]);
    expect(wrapText("abcdefghijkl", 5)).toEqual(["abcde", "fghij", "kl"]);
    expect(wrapText("", 5)).toEqual([""]);
    expect(wrapText("日本語", 5)).toEqual(["日本", "語"]);
  });

  test("never makes a row too wide and never loses anything but blanks", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 200 }),
        fc.integer({ min: 2, max: 40 }),
        (text, width) => {
          const rows = wrapText(text, width);
          for (const row of rows) expect(textColumns(row)).toBeLessThanOrEqual(width);
          const dense = (s: string) => graphemes(s.replace(/\s/g, "")).join("");
          expect(dense(rows.join(""))).toBe(dense(text));
        },
      ),
    );
  });
});
