import { expect, test } from "vitest";
import { parseSince } from "./tail.ts";

const NOW_MS = new Date(2026, 10, 24, 14, 30).getTime();

test.each([
  ["30m", NOW_MS - 30 * 60_000],
  ["2h", NOW_MS - 2 * 3_600_000],
  ["3d", NOW_MS - 3 * 86_400_000],
  ["14:00", NOW_MS - 30 * 60_000],
  ["15:00", NOW_MS - 23.5 * 3_600_000],
  ["2026-11-24T14:00:00Z", Date.UTC(2026, 10, 24, 14)],
])("%s", (text, atMs) => {
  expect(parseSince(text, NOW_MS)).toBe(atMs);
});

test("anything else is wrong usage", () => {
  expect(() => parseSince("yesterday-ish", NOW_MS)).toThrow('I cannot read "yesterday-ish" as a time');
});
