import { test } from "vitest";
import { crashStory } from "./crashes.ts";

test.each([1, 2, 3, 4, 5])("killed 40 times, seed %i", async (seed) => {
  await crashStory({ seed, kills: 40 });
});
