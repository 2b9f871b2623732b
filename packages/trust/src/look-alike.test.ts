import fc from "fast-check";
import { expect, test } from "vitest";
import {
  cleanDisplayName,
  MAX_DISPLAY_NAME_CHARACTERS,
  mixesScripts,
  nameSkeleton,
  nameWarnings,
} from "./look-alike.ts";

test("T24: faked marks, hidden and turning characters are gone", () => {
  const names = {
    "heavy check mark": "Bob ✔",
    "check mark as emoji": "Bob ✔\uFE0F",
    "white check mark": "✅ Bob",
    "ballot box": "Bob ☑",
    "Tai Viet letter": "Bob ꪜ",
    shield: "Bob 🛡️",
    "right-to-left override": "Bob \u202Eana\u202C",
    isolates: "\u2066Bob\u2069",
    "zero-width space": "B\u200Bo\u200Db",
    "soft hyphen": "B\u00ADob",
    "Hangul filler": "Bob\u3164",
    "tag characters": "Bob\u{E0041}",
    "colour escape": "Bob\u001b[31m",
    "C1 control": "Bob\u009b31m",
    "two lines": "Bob\n@ana",
    "line separator": "Bob\u2028@ana",
    "pile of accents": `Bo\u0301\u0302\u0303\u0304\u0305b`,
    spaces: "  Bob \u00A0\u2003 B  ",
    "lone surrogate": "Bob\uD800",
    "only marks": "✔✔",
  };
  const cleaned = Object.fromEntries(
    Object.entries(names).map(([what, name]) => [what, cleanDisplayName(name)]),
  );
  expect(cleaned).toMatchInlineSnapshot(`
    {
      "C1 control": "Bob31m",
      "Hangul filler": "Bob",
      "Tai Viet letter": "Bob",
      "ballot box": "Bob",
      "check mark as emoji": "Bob",
      "colour escape": "Bob[31m",
      "heavy check mark": "Bob",
      "isolates": "Bob",
      "line separator": "Bob @ana",
      "lone surrogate": "Bob",
      "only marks": "",
      "pile of accents": "Bó̂̃b",
      "right-to-left override": "Bob ana",
      "shield": "Bob",
      "soft hyphen": "Bob",
      "spaces": "Bob B",
      "tag characters": "Bob",
      "two lines": "Bob @ana",
      "white check mark": "Bob",
      "zero-width space": "Bob",
    }
  `);
});

test("ordinary names stay", () => {
  for (const name of [
    "Ana",
    "José Ñandú",
    "Łukasz",
    "山田 太郎",
    "Ольга",
    "مريم",
    "O'Brien-Smith",
    "R2 D2",
    "🐝 Bea",
  ]) {
    expect(cleanDisplayName(name)).toBe(name);
  }
});

test("cleaning is idempotent, short and one line", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (name) => {
      const cleaned = cleanDisplayName(name);
      expect(cleanDisplayName(cleaned)).toBe(cleaned);
      expect([...cleaned].length).toBeLessThanOrEqual(MAX_DISPLAY_NAME_CHARACTERS);
      expect(cleaned).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}✓✔✅☑]/u);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["bob", "b0b"],
  ["bob", "bоb"],
  ["bob", "BOB"],
  ["bob", "bób"],
  ["lisa", "1isa"],
  ["lisa", "Iisa"],
  ["iris", "lrls"],
  ["marina", "rnarina"],
  ["wendy", "vvendy"],
  ["dora", "clora"],
  ["ana.b", "ana_b"],
  ["ana.b", "ana-b"],
  ["ana", "αnа"],
  ["paypal", "раураl"],
])("%s and %s look alike", (known, name) => {
  expect(nameWarnings(name, ["somebody", known])).toContainEqual({ kind: "looks-like", known });
});

test.each([
  ["ana", "anna"],
  ["bob", "rob"],
  ["mia", "nia"],
])("%s and %s do not", (known, name) => expect(nameWarnings(name, [known])).toEqual([]));

test("scripts are not mixed within a word", () => {
  expect(mixesScripts("раypal")).toBe(true);
  expect(mixesScripts("Αna")).toBe(true);
  for (const name of ["Ольга Smith", "山田 Taro", "山田taro", "José", "r2d2", ""])
    expect(mixesScripts(name), name).toBe(false);
  expect(nameWarnings("bоb", [])).toEqual([{ kind: "mixed-scripts" }]);
});

test("names of nothing but marks warn of nobody", () => {
  expect(nameSkeleton("✔")).toBe("");
  expect(nameWarnings("✔", ["✅"])).toEqual([]);
});
