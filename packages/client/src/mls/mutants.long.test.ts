import { beforeAll, expect, test } from "vitest";
import type { Target } from "./mutants.ts";
import { refuseMutants, targets } from "./mutants.ts";

const KINDS_PER_ROOM = 11;

let classic: Record<string, Target>;
let hybrid: Record<string, Target>;

beforeAll(async () => {
  classic = await targets(1);
  hybrid = await targets(83);
});

test("3,000 mutants of each kind of message are refused, in suite 1", async () => {
  expect(Object.keys(classic)).toHaveLength(KINDS_PER_ROOM);
  for (const target of Object.values(classic)) await refuseMutants(target, 3_000);
});

test("3,000 mutants of each kind of message are refused, in X-Wing", async () => {
  expect(Object.keys(hybrid)).toHaveLength(KINDS_PER_ROOM);
  for (const target of Object.values(hybrid)) await refuseMutants(target, 3_000);
});
