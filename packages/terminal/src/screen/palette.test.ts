import fc from "fast-check";
import { expect, test } from "vitest";
import { backgroundFromColorFgBg, backgroundFromReply } from "./background.ts";
import { createPalette } from "./palette.ts";

test("a control character that slipped through never reaches the terminal", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.boolean(), (text, colour) => {
      const painted = createPalette("dark", colour).paint([{ text, tone: "mention" }]);
      const bare = painted.replace(/^\x1b\[[0-9;]*m/, "").replace(/\x1b\[0m$/, "");
      expect(bare).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
    }),
  );
});

test("without colour only weight and reversal remain", () => {
  const { paint } = createPalette("dark", false);
  expect(
    paint([
      { text: "a", tone: "accent" },
      { text: "b", tone: "selected" },
      { text: "c", bold: true },
    ]),
  ).toBe("a\x1b[7mb\x1b[0m\x1b[1mc\x1b[0m");
});

test("a person keeps one colour", () => {
  const { paint } = createPalette("light", true);
  const colourOf = (person: string) => paint([{ text: "x", tone: { person } }]);
  expect(colourOf("ab12")).toBe(colourOf("ab12"));
  expect(new Set(Array.from({ length: 40 }, (_, index) => colourOf(`${index}`))).size).toBeGreaterThan(8);
});

test("reads the background from the terminal's answer", () => {
  expect(backgroundFromReply("11;rgb:1e1e/1e1e/2e2e")).toBe("dark");
  expect(backgroundFromReply("11;rgb:ff/ff/ff")).toBe("light");
  expect(backgroundFromReply("4;1;rgb:ff/ff/ff")).toBeUndefined();
});

test("reads the background from COLORFGBG", () => {
  expect(backgroundFromColorFgBg("15;0")).toBe("dark");
  expect(backgroundFromColorFgBg("0;default;15")).toBe("light");
  expect(backgroundFromColorFgBg("15;default")).toBeUndefined();
  expect(backgroundFromColorFgBg(undefined)).toBeUndefined();
});
