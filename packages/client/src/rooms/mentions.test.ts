import fc from "fast-check";
import { expect, test } from "vitest";
import { mentions } from "./mentions.ts";

test.each([
  "ana",
  "@ana",
  "hi @ana!",
  "ANA, look",
  "is Ana there? ana.",
  "thanks,ana",
  "(ana)",
  "ana's idea",
  "ana... well",
  "ana: yes",
  "🙂ana🙂",
  "bob\nana",
])("%j calls ana", (text) => {
  expect(mentions(text, "ana")).toBe(true);
});

test.each([
  "",
  "banana",
  "anagram",
  "ana_b",
  "ana1",
  "éana",
  "ana\u{301}",
  "@ana.b look",
  "@ana-maria",
  "@b.ana",
  "b-ana",
  "an a",
])("%j does not call ana", (text) => {
  expect(mentions(text, "ana")).toBe(false);
});

test.each(["a.b", "a-b", "_a_", "0", "-", "."])("the name %s stands for itself", (name) => {
  expect(mentions(`hello @${name}, you`, name)).toBe(true);
  expect(mentions("hello axb a+b", name)).toBe(false);
});

test("any name that can be claimed is found where it stands alone, and not inside of a longer one", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9._-]{1,32}$/), (name) => {
      expect(mentions(`hey @${name} look`, name)).toBe(true);
      expect(mentions(`hey ${name.toUpperCase()} look`, name)).toBe(true);
      expect(mentions(`hey x${name} look`, name)).toBe(false);
      expect(mentions(`hey ${name}x look`, name)).toBe(false);
    }),
  );
});

test("a hostile text is read in no time", () => {
  const startMs = performance.now();
  mentions("a.".repeat(32_000), "a.a.a.a.a.a.b");
  mentions("@".repeat(64_000), "ana");
  expect(performance.now() - startMs).toBeLessThan(500);
});
