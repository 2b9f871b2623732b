import { expect, it } from "vitest";
import { openStore } from "../packages/client/src/node/open-chat.ts";
import { EvilMember } from "./evil-member.ts";
import { lines, roomOf, sees, until, World } from "./world.ts";

const damaged = (message: Uint8Array) => message.with(message.length - 1, (message.at(-1) ?? 0) ^ 1);

it("a commit that the room's rules forbid is refused by all, replaced, and the room goes on", async () => {
  await using world = await World.start();
  const [ana, bo, cy] = [await world.person("ana"), await world.person("bo"), await world.person("cy")];
  const room = await roomOf(ana, "garden", [bo, cy]);
  await cy.chat.close();
  await using evil = await EvilMember.possess(cy, room);
  await evil.commit({ remove: evil.others() });
  for (const person of [ana, bo])
    await sees(person, room, "* a change by cy was refused: may not remove this member");
  await ana.chat.send(room, "nice try");
  await sees(bo, room, "ana: nice try");
  await bo.chat.send(room, "indeed");
  await sees(ana, room, "bo: indeed");
  expect(ana.chat.members(room).map(({ name }) => name)).toEqual(["ana", "bo", "cy"]);
  await ana.chat.removeMember(room, "cy");
  await sees(bo, room, "* ana removed cy");
});

it("a commit that nobody can process does not brick the room", async () => {
  await using world = await World.start();
  const [ana, bo, cy] = [await world.person("ana"), await world.person("bo"), await world.person("cy")];
  const room = await roomOf(ana, "garden", [bo, cy]);
  await cy.chat.close();
  await using evil = await EvilMember.possess(cy, room);
  await evil.commit({}, { spoil: damaged });
  await ana.chat.send(room, "anybody there?");
  await sees(bo, room, "ana: anybody there?");
  await bo.chat.send(room, "yes");
  await sees(ana, room, "bo: yes");
});

it("a commit that nobody can process is no way around the rules, even with a GroupInfo that everybody can use", async () => {
  await using world = await World.start();
  const [ana, bo, cy] = [await world.person("ana"), await world.person("bo"), await world.person("cy")];
  const room = await roomOf(ana, "garden", [bo, cy]);
  await cy.chat.close();
  await using evil = await EvilMember.possess(cy, room);
  await evil.commit({ policy: evil.ownRules() }, { spoil: damaged, lure: true });
  await ana.chat.send(room, "whose room is it?");
  await sees(bo, room, "ana: whose room is it?");
  await bo.chat.send(room, "still yours");
  await sees(ana, room, "bo: still yours");
  for (const person of [ana, bo]) {
    const roles = person.chat.members(room).map(({ name, role }) => `${name} ${role}`);
    expect(roles).toEqual(["ana owner", "bo member", "cy member"]);
  }
});

it("a device that lost its keys for a room comes back by itself, and says what it missed", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await ana.chat.send(room, "before");
  await sees(bo, room, "ana: before");
  await bo.chat.close();
  const store = openStore(bo.folder);
  store.write([{ kind: "delete-prefix", collection: "group", prefix: `${room}/` }]);
  store.close();
  await ana.chat.send(room, "lost");
  await world.reopen(bo);
  await sees(bo, room, "* this device is back in the room; messages before this line may be missing");
  await ana.chat.send(room, "after");
  await sees(bo, room, "ana: after");
  await bo.chat.send(room, "I am back");
  await sees(ana, room, "bo: I am back");
  expect(lines(bo, room).filter((line) => line.startsWith("[gap"))).toHaveLength(1);
  await until(bo, "active", (chat) => chat.snapshot().rooms[0]?.state === "active");
});
