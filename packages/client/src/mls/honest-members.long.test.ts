import fc from "fast-check";
import { test } from "vitest";
import { HonestRoom, randomSteps } from "./honest-members.ts";

test.each([
  { suite: 1 as const, groups: 60 },
  { suite: 3 as const, groups: 10 },
  { suite: 83 as const, groups: 60 },
])(
  "$groups groups of honest members keep together for 40 steps (suite $suite)",
  async ({ suite, groups }) => {
    await fc.assert(
      fc.asyncProperty(randomSteps(40), (steps) => new HonestRoom(suite, 14).run(steps)),
      { numRuns: groups, endOnFailure: true },
    );
  },
);
