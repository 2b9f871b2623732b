import { test } from "vitest";
import { crashStory } from "./crashes.ts";

test("client and relay are killed at random moments: nothing promised is lost, nothing is there twice", async ({
  annotate,
}) => {
  const seed = Date.now() % 1_000_000;
  await annotate(`seed ${seed}`);
  await crashStory({ seed, kills: 6 });
});
