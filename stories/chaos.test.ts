import { it } from "vitest";
import { Chaos } from "./chaos.ts";
import { SeededRandom } from "./seeded-random.ts";

it("whatever people, wires and programs do, everybody ends with the same room and nothing is lost", async () => {
  await using chaos = await Chaos.start(new SeededRandom());
  await chaos.happen(150);
  await chaos.settle();
});
