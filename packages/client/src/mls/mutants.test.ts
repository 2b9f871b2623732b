import { beforeAll, test } from "vitest";
import type { Target } from "./mutants.ts";
import { refuseMutants, targets } from "./mutants.ts";

const KINDS = [
  "an application message",
  "a proposal",
  "a commit that updates",
  "a commit that adds",
  "a commit that removes",
  "a commit that changes the policy",
  "an external commit",
  "a Welcome",
  "a ratchet tree",
  "a GroupInfo",
  "a key package",
];

let all: Record<string, Target>;

beforeAll(async () => {
  all = await targets(1);
});

test.each(KINDS)("200 mutants of %s are refused", async (kind) => {
  await refuseMutants(all[kind]!, 200);
});
