import { it } from "vitest";
import { Chaos } from "./chaos.ts";
import { SeededRandom } from "./seeded-random.ts";

const LASTS_MS = 10 * 60_000;

it(
  "whatever people, wires and programs do for ten minutes, everybody ends with the same room each time",
  async () => {
    const endMs = performance.now() + LASTS_MS;
    while (performance.now() < endMs) {
      await using chaos = await Chaos.start(new SeededRandom());
      for (let round = 0; round < 3; round++) {
        await chaos.happen(150);
        await chaos.settle();
      }
    }
  },
  2 * LASTS_MS,
);
