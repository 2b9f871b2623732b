import { expect, it } from "vitest";
import { durationText, parseDuration } from "./duration.ts";

it.each([
  ["30s", 30_000, "30 seconds"],
  ["1m", 60_000, "1 minute"],
  ["8 h", 28_800_000, "8 hours"],
  ["24h", 86_400_000, "1 day"],
  ["4W", 2_419_200_000, "4 weeks"],
])("%s is %i ms, in words %s", (text, ms, words) => {
  expect(parseDuration(text)).toBe(ms);
  expect(durationText(ms)).toBe(words);
});

it.each(["", "0s", "-1d", "1", "1y", "1.5h", "d", "99999999d"])("%j is no duration", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
