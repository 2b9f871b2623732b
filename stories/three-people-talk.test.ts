import { expect, it } from "vitest";
import { lines, roomOf, sees, until, World } from "./world.ts";

it("three people talk in a room", async () => {
  await using world = await World.start();
  const ana = await world.person("ana");
  const bo = await world.person("bo");
  const cy = await world.person("cy");
  const room = await roomOf(ana, "garden", [bo, cy]);
  await ana.chat.send(room, "hello @bo");
  for (const person of [ana, bo, cy]) await sees(person, room, "ana: hello @bo");
  await bo.chat.send(room, "hi");
  await cy.chat.send(room, "hey");
  for (const person of [ana, bo, cy]) {
    await sees(person, room, "bo: hi");
    await sees(person, room, "cy: hey");
  }
  const said = (person: typeof ana) => lines(person, room).filter((line) => !line.startsWith("*"));
  expect(said(bo)).toEqual(said(ana));
  await until(bo, "mentioned", (chat) => chat.snapshot().rooms[0]?.mentions === 1);
});
