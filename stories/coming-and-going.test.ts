import { expect, it } from "vitest";
import { connected, lines, roomId, roomOf, sees, until, World } from "./world.ts";

it("a guest comes by a link straight into the room, and both count as checked", async () => {
  await using world = await World.start();
  const ana = await world.person("ana");
  const room = await ana.chat.createRoom("garden");
  const bo = await world.person("bo", await ana.chat.createInviteLink({ room }));
  await until(bo, "in the room", (chat) => chat.snapshot().rooms.some(({ name }) => name === "garden"));
  await sees(ana, room, "* bo joined");
  await bo.chat.send(room, "made it");
  await sees(ana, room, "bo: made it");
  const [anaAtBo] = bo.chat.members(room).filter(({ name }) => name === "ana");
  const [boAtAna] = ana.chat.members(room).filter(({ name }) => name === "bo");
  expect(anaAtBo?.checked).toMatch(/^checked by you on/);
  expect(boAtAna?.checked).toMatch(/^checked by you on/);
});

it("a link admits one guest only", async () => {
  await using world = await World.start();
  const ana = await world.person("ana");
  const link = await ana.chat.createInviteLink({});
  await world.person("bo", link);
  await expect(world.person("cy", link)).rejects.toThrow(/invite/i);
});

it("nothing of a room is shown before its invitation is accepted, and declining leaves it", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await ana.chat.createRoom("secret plans");
  await ana.chat.invite(room, ["bo"]);
  await until(bo, "invited", (chat) => chat.snapshot().invitations.length === 1);
  const snapshot = bo.chat.snapshot();
  expect(snapshot.rooms).toEqual([]);
  expect(JSON.stringify(snapshot.invitations)).not.toContain("secret plans");
  await bo.chat.declineInvitation(snapshot.invitations[0]?.id ?? "");
  await sees(ana, room, "* bo left");
  expect(ana.chat.members(room).map(({ name }) => name)).toEqual(["ana"]);
  expect(bo.chat.snapshot().rooms).toEqual([]);
});

it("messages written off line wait on disk and go out in order, exactly once", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await world.relay.close();
  await until(ana, "off line", (chat) => chat.snapshot().connection.kind === "waiting");
  const texts = Array.from({ length: 40 }, (_, n) => `line ${n}`);
  for (const text of texts) await ana.chat.send(room, text);
  expect(ana.chat.snapshot().queued).toBe(40);
  await world.reopen(ana);
  expect(ana.chat.snapshot().queued).toBe(40);
  await world.restartRelay();
  for (const person of [ana, bo]) {
    person.chat.reconnect();
    await connected(person);
  }
  await sees(bo, room, "ana: line 39");
  const said = (person: typeof ana) => lines(person, room).filter((line) => line.startsWith("ana:"));
  await until(ana, "all sent", (chat) => chat.snapshot().queued === 0);
  expect(said(bo)).toEqual(texts.map((text) => `ana: ${text}`));
  expect(said(ana)).toEqual(said(bo));
});

it("a client that was away catches up", async () => {
  await using world = await World.start();
  const [ana, bo, cy] = [await world.person("ana"), await world.person("bo"), await world.person("cy")];
  const room = await roomOf(ana, "garden", [bo]);
  await bo.chat.close();
  for (let n = 0; n < 300; n++) await ana.chat.send(room, `while away ${n}`);
  await ana.chat.renameRoom(room, "orchard");
  await until(ana, "all sent", (chat) => chat.snapshot().queued === 0);
  await ana.chat.invite(room, ["cy"]);
  await until(cy, "invited", (chat) => chat.snapshot().invitations.length > 0);
  await cy.chat.acceptInvitation(cy.chat.snapshot().invitations[0]?.id ?? "");
  await cy.chat.send(room, "new here");
  await sees(ana, room, "cy: new here");
  await world.reopen(bo);
  await sees(bo, room, "cy: new here");
  expect(lines(bo, room).filter((line) => line.startsWith("ana: while away"))).toHaveLength(300);
  expect(bo.chat.snapshot().rooms[0]).toMatchObject({ name: "orchard", unread: 301, memberCount: 3 });
  expect(lines(cy, room).some((line) => line.includes("while away"))).toBe(false);
});

it("who is removed cannot read what follows", async () => {
  await using world = await World.start();
  const [ana, bo, cy] = [await world.person("ana"), await world.person("bo"), await world.person("cy")];
  const room = await roomOf(ana, "garden", [bo, cy]);
  await ana.chat.send(room, "before");
  await sees(cy, room, "ana: before");
  await ana.chat.removeMember(room, "cy");
  await ana.chat.send(room, "after");
  await sees(bo, room, "ana: after");
  await until(cy, "out", (chat) => chat.snapshot().rooms[0]?.state === "removed");
  expect(lines(cy, room)).not.toContain("ana: after");
  await expect(cy.chat.send(room, "still here?")).rejects.toThrow("no longer in this room");
  expect(bo.chat.members(room).map(({ name }) => name)).toEqual(["ana", "bo"]);
});

it("who leaves is gone for everybody, also when nobody was on line to see it", async () => {
  await using world = await World.start();
  const [ana, bo, cy] = [await world.person("ana"), await world.person("bo"), await world.person("cy")];
  const room = await roomOf(ana, "garden", [bo, cy]);
  await ana.chat.close();
  await cy.chat.close();
  await bo.chat.leaveRoom(room);
  expect(bo.chat.snapshot().rooms).toEqual([]);
  await world.reopen(ana);
  await sees(ana, room, "* bo left");
  await ana.chat.send(room, "two of us");
  await world.reopen(cy);
  await sees(cy, room, "ana: two of us");
  expect(cy.chat.members(room).map(({ name }) => name)).toEqual(["ana", "cy"]);
});

it("a direct room is found again, and has the other's name", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await ana.chat.openDirect("bo");
  await until(bo, "invited", (chat) => chat.snapshot().invitations.length > 0);
  expect(bo.chat.snapshot().invitations[0]).toMatchObject({ from: "ana", direct: true });
  await bo.chat.acceptInvitation(bo.chat.snapshot().invitations[0]?.id ?? "");
  await bo.chat.send(room, "psst");
  await sees(ana, room, "bo: psst");
  expect(roomId(bo, "ana")).toBe(room);
  expect(await ana.chat.openDirect("@bo")).toBe(room);
  expect(await bo.chat.openDirect("ana")).toBe(room);
});
