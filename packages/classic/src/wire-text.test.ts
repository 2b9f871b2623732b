import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanText, fillForOriginalServer, LARGEST_FILL_BYTES, splitText } from "./wire-text.ts";

const anyText = fc.string({ unit: "binary", maxLength: 400 });

describe("clean text", () => {
  test("is one line without control characters or direction marks, whatever came in", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const clean = cleanText(text);
        expect(clean).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
        expect(clean.isWellFormed()).toBe(true);
        expect(cleanText(clean)).toBe(clean);
      }),
    );
  });

  test.each([
    ["plain grüße € 日本 🔒", "plain grüße € 日本 🔒"],
    ["forged\n[12:34] 10.0.0.7: line", "forged [12:34] 10.0.0.7: line"],
    ["\u001b]0;owned\u0007", "\ufffd]0;owned\ufffd"],
    ["nul\u0000here", "nul\ufffdhere"],
    ["tab\there", "tab here"],
    ["\u202eevil", "\ufffdevil"],
  ])("%j becomes %j", (text, clean) => expect(cleanText(text)).toBe(clean));
});

describe("splitting", () => {
  test("loses nothing, stays within the limit and never cuts a character or ends a piece in a blank", () => {
    const limit = 40;
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (raw) => {
        const text = cleanText(raw).trim();
        const pieces = splitText(text, limit);
        expect(pieces.join("")).toBe(text);
        for (const piece of pieces) {
          expect(Buffer.byteLength(piece)).toBeLessThanOrEqual(limit);
          expect(piece.isWellFormed()).toBe(true);
        }
        if (text !== "" && !/ {40}/.test(text))
          for (const piece of pieces) expect(piece).not.toMatch(/(^| )$/);
      }),
    );
  });

  test("gives an empty text one empty piece and drops blanks at the end", () => {
    expect(splitText("", 1007)).toEqual([""]);
    expect(splitText("  \t\n", 1007)).toEqual([""]);
    expect(splitText("text  \t\n", 1007)).toEqual(["text"]);
  });

  test("cuts at the byte the wire allows and not one earlier", () => {
    expect(splitText("m".repeat(1007), 1007)).toHaveLength(1);
    expect(splitText("m".repeat(1008), 1007).map(({ length }) => length)).toEqual([1007, 1]);
  });
});

test("the filling for original servers makes their padding by characters come out", () => {
  fc.assert(
    fc.property(anyText, (raw) => {
      const text = cleanText(raw);
      const filled = fillForOriginalServer(text);
      expect((Buffer.byteLength(filled) - Array.from(filled).length) % 16).toBe(0);
      expect(Buffer.byteLength(filled) - Buffer.byteLength(text)).toBeLessThanOrEqual(LARGEST_FILL_BYTES);
    }),
  );
  expect(fillForOriginalServer("ascii")).toBe("ascii");
});
