import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { displayName, displayText } from "./display-text.ts";

const line = (text: string) => displayText(text, { multiline: false });
const block = (text: string) => displayText(text, { multiline: true });

const FORBIDDEN_EVERYWHERE =
  /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e0fff}]/u;

/** Text made mostly of what an attacker would reach for. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "\x1b[2J",
        "\x1b]52;c;aGk=\x07",
        "\x1b]8;;http://x\x1b\\",
        "\x1bP1;2q\x1b\\",
        "\x9b31m",
        "\x1b",
        "\x1b\x1b[",
        "[31m",
        "\x9d0;title\x9c",
        "\u202e",
        "\u2066",
        "\u200b",
        "\u200d",
        "\u200c",
        "\ufe0f",
        "\u{e0041}",
        "\u0301".repeat(20),
        "👩",
        "🏽",
        "❤",
        "ک",
        "क्",
        "\r\n",
        "\u2028",
        "\t",
        "\ud800",
      ),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

describe("displayText", () => {
  test("never lets a control, escape, bidi, tag or zero-width character through", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(line(text)).not.toMatch(FORBIDDEN_EVERYWHERE);
        expect(line(text)).not.toContain("\n");
        expect(block(text)).not.toMatch(FORBIDDEN_EVERYWHERE);
        expect(block(text).isWellFormed()).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  test("changes nothing the second time", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(block(block(text))).toBe(block(text));
        expect(line(line(text))).toBe(line(text));
      }),
      { numRuns: 5_000 },
    );
  });

  test("leaves printable text as it is", () => {
    for (const text of [
      "plain words, 100 % fine",
      "naïve café",
      "日本語のテキスト",
      "שלום",
      "👩‍👩‍👧 family, 🏳️‍🌈 flag, 👍🏽",
      "می‌خواهم",
      "क्‍ष",
      "1️⃣",
    ]) {
      expect(block(text)).toBe(text);
    }
  });

  test("removes whole escape sequences, not only their first byte", () => {
    expect(line("a\x1b[31mred\x1b[0m b")).toBe("ared b");
    expect(line("a\x1b]0;owned\x07b")).toBe("ab");
    expect(line("a\x1b]52;c;ZXZpbA==\x1b\\b")).toBe("ab");
    expect(line("a\x9b2Jb")).toBe("ab");
    expect(line("a\x1b(0b")).toBe("ab");
  });

  test("turns each kind of line break into one, and into a space where lines are not wanted", () => {
    expect(block("a\r\nb\rc\u2028d\x85e")).toBe("a\nb\nc\nd\ne");
    expect(line("a\r\n\r\nb")).toBe("a b");
    expect(block("a\tb")).toBe("a    b");
  });

  test("removes joiners that join nothing and marks that pile up", () => {
    expect(line("pay\u200dpal")).toBe("paypal");
    expect(line("a\ufe0fb")).toBe("ab");
    expect(line(`e${"\u0301".repeat(50)}`)).toBe(`e${"\u0301".repeat(6)}`);
  });
});

describe("displayName", () => {
  test("cannot carry a mark of verification", () => {
    expect(displayName("Bob ✔")).toBe("Bob");
    expect(displayName("✅ Bob ☑️")).toBe("Bob");
    expect(displayName("Bob🔒🛡️")).toBe("Bob");
  });

  test("is one line without outer spaces, and never empty", () => {
    expect(displayName("  a \n b  ")).toBe("a b");
    expect(displayName("\u202e\u200b ✓")).toBe("unnamed");
    fc.assert(
      fc.property(hostile, (name) => displayName(name).length > 0 && displayName(name).trim() !== ""),
    );
  });

  test("cannot reverse the text that follows it", () => {
    expect(displayName("bob\u202egnp.exe")).toBe("bobgnp.exe");
  });
});
