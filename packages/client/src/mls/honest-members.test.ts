import fc from "fast-check";
import { test } from "vitest";
import { HonestRoom, randomSteps } from "./honest-members.ts";

test.each([
  { suite: 1 as const, groups: 7 },
  { suite: 83 as const, groups: 3 },
])(
  "honest members never lose each other, whatever they do, live or restored (suite $suite)",
  async ({ suite, groups }) => {
    await fc.assert(
      fc.asyncProperty(randomSteps(40), (steps) => new HonestRoom(suite, 8).run(steps)),
      { numRuns: groups, endOnFailure: true },
    );
  },
);
