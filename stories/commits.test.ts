import { expect, it } from "vitest";
import type { Person } from "./world.ts";
import { connected, lines, roomOf, sees, until, World } from "./world.ts";

const names = (person: Person, room: string) =>
  person.chat
    .members(room)
    .map(({ name }) => name)
    .sort();

it("two members who change the room at the same instant both end up right", async () => {
  await using world = await World.start();
  const people = await Promise.all(["ana", "bo", "cy", "dee", "eli"].map((name) => world.person(name)));
  const [ana, bo, cy, dee, eli] = people as [Person, Person, Person, Person, Person];
  const room = await roomOf(ana, "garden", [bo, cy]);
  await Promise.all([
    ana.chat.invite(room, ["dee"]),
    bo.chat.invite(room, ["eli"]),
    ana.chat.removeMember(room, "cy"),
  ]);
  for (const person of [ana, bo]) {
    await until(person, "all changes are in", () => names(person, room).join() === "ana,bo,dee,eli");
  }
  for (const person of [dee, eli]) {
    await until(person, "invited", (chat) => chat.snapshot().invitations.length > 0);
    await person.chat.acceptInvitation(person.chat.snapshot().invitations[0]?.id ?? "");
    await person.chat.send(room, `${person.name} is here`);
  }
  for (const person of [ana, bo, dee, eli]) {
    await sees(person, room, "eli: eli is here");
    expect(names(person, room)).toEqual(["ana", "bo", "dee", "eli"]);
  }
  await until(cy, "out", (chat) => chat.snapshot().rooms[0]?.state === "removed");
});

it("everybody writes while everybody changes the room, and all end with the same timeline", async () => {
  await using world = await World.start();
  const people = await Promise.all(["ana", "bo", "cy", "dee"].map((name) => world.person(name)));
  const [ana, bo, cy, dee] = people as [Person, Person, Person, Person];
  const room = await roomOf(ana, "garden", [bo, cy, dee]);
  await Promise.all([
    ...people.flatMap((person) =>
      Array.from({ length: 25 }, (_, n) => person.chat.send(room, `${person.name} ${n}`)),
    ),
    ana.chat.setRole(room, "bo", "admin"),
    ana.chat.renameRoom(room, "orchard"),
    ana.chat.setTopic(room, "apples"),
    bo.chat.createRoom("elsewhere"),
  ]);
  for (const person of people) {
    await until(person, "all is sent", (chat) => chat.snapshot().queued === 0);
    await until(
      person,
      "all is here",
      () => lines(person, room).filter((line) => /^\w+: /.test(line)).length === 100,
    );
    await until(person, "bo is admin", (chat) =>
      chat.members(room).some(({ name, role }) => name === "bo" && role === "admin"),
    );
  }
  const said = (person: Person) => lines(person, room).filter((line) => !line.startsWith("*"));
  for (const person of [bo, cy, dee]) expect(said(person)).toEqual(said(ana));
  expect(dee.chat.snapshot().rooms[0]).toMatchObject({ name: "orchard", topic: "apples" });
});

it("roles hold: a member neither removes, nor renames, nor makes admins", async () => {
  await using world = await World.start();
  const [ana, bo, cy] = [await world.person("ana"), await world.person("bo"), await world.person("cy")];
  const room = await roomOf(ana, "garden", [bo, cy]);
  await expect(bo.chat.removeMember(room, "cy")).rejects.toThrow("only an admin may remove cy");
  await expect(bo.chat.renameRoom(room, "mine")).rejects.toThrow("only an admin");
  await expect(bo.chat.setRole(room, "bo", "owner")).rejects.toThrow("only an owner");
  await ana.chat.setRole(room, "bo", "admin");
  await until(bo, "admin", (chat) => chat.snapshot().rooms[0]?.role === "admin");
  await expect(bo.chat.removeMember(room, "ana")).rejects.toThrow("only an owner may remove ana");
  await bo.chat.removeMember(room, "cy");
  await sees(ana, room, "* bo removed cy");
});

it("a room lives through restarts of everybody and of the relay", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  for (let round = 0; round < 3; round++) {
    await ana.chat.send(room, `ana ${round}`);
    await sees(bo, room, `ana: ana ${round}`);
    await world.restartRelay();
    await world.reopen(ana);
    await world.reopen(bo);
    for (const person of [ana, bo]) await connected(person);
    await bo.chat.send(room, `bo ${round}`);
    await sees(ana, room, `bo: bo ${round}`);
  }
  expect(lines(ana, room).filter((line) => /^(ana|bo): /.test(line))).toHaveLength(6);
});

it("a person who is named twice is invited once", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await ana.chat.createRoom("garden");
  await ana.chat.invite(room, ["bo", "bo"]);
  await until(bo, "invited", (chat) => chat.snapshot().invitations.length > 0);
  await bo.chat.acceptInvitation(bo.chat.snapshot().invitations[0]?.id ?? "");
  await sees(ana, room, "* bo joined");
  expect(ana.chat.members(room)).toMatchObject([{ name: "ana" }, { name: "bo", devices: 1 }]);
});
