import type { Delivery } from "@parley/client";
import type { RoomLogEntry } from "@parley/protocol";
import { encodeRoomLogEntry } from "@parley/protocol";
import { expect, it } from "vitest";
import { EvilMember } from "./evil-member.ts";
import { HostileRelay } from "./hostile-relay.ts";
import { roomOf, sees, until, World } from "./world.ts";

function asDelivery(entry: RoomLogEntry): Delivery {
  return { kind: "entry", bytes: encodeRoomLogEntry(entry), entry };
}

it("an invitation that the relay repeats joins once, and a forged one is never shown", async () => {
  await using world = await World.start();
  const ana = await world.person("ana");
  const relay = new HostileRelay();
  world.unsafeTestingConnect = relay.connect;
  const bo = await world.person("bo");
  relay.deliver = (delivery) => {
    if (delivery.kind !== "inbox-item") return [delivery];
    const { seq, item } = delivery;
    const forged = item.with(item.length - 1, (item.at(-1) ?? 0) ^ 1);
    return [delivery, { ...delivery, seq: seq + 1, item: forged }, { ...delivery, seq: seq + 2 }];
  };
  const room = await ana.chat.createRoom("garden");
  await ana.chat.invite(room, ["bo"]);
  await until(bo, "invited twice", (chat) => chat.snapshot().invitations.length === 2);
  const [first, again] = bo.chat.snapshot().invitations.map(({ id }) => id) as [string, string];
  const answers = await Promise.allSettled([
    bo.chat.acceptInvitation(first),
    bo.chat.acceptInvitation(again),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  await ana.chat.send(room, "one");
  await sees(bo, room, "ana: one");
  await expect(bo.chat.acceptInvitation(again)).rejects.toThrow(/in the room|no such invitation/);
  await bo.chat.send(room, "two");
  await sees(ana, room, "bo: two");
});

it("an own change of which the relay tells another roster is refused by its maker too, and is made again", async () => {
  await using world = await World.start();
  const relay = new HostileRelay();
  world.unsafeTestingConnect = relay.connect;
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  await world.person("carl");
  const room = await roomOf(ana, "garden", [bo]);
  await sees(ana, room, "* bo joined");
  await bo.chat.send(room, "hello");
  await sees(ana, room, "bo: hello");
  relay.deliver = (delivery) => {
    if (delivery.kind !== "entry" || delivery.entry.kind !== "commit") return [delivery];
    const { entry } = delivery;
    return entry.replaces === 0 ? [asDelivery({ ...entry, added: [] })] : [delivery];
  };
  await ana.chat.invite(room, ["carl"]);
  await sees(ana, room, "* a change by ana was refused: the relay altered what was said about it");
  await sees(bo, room, "* a change by ana was refused: told the relay another roster than the room");
  for (const person of [ana, bo]) await sees(person, room, "* ana invited carl");
  await ana.chat.send(room, "one");
  await sees(bo, room, "ana: one");
  await bo.chat.send(room, "two");
  await sees(ana, room, "bo: two");
});

it("a change that was on its way when a forbidden one won is made all the same", async () => {
  await using world = await World.start();
  const [ana, cy] = [await world.person("ana"), await world.person("cy")];
  const relay = new HostileRelay();
  world.unsafeTestingConnect = relay.connect;
  const bo = await world.person("bo");
  await world.person("carl");
  const room = await roomOf(ana, "garden", [cy, bo]);
  await cy.chat.close();
  await using evil = await EvilMember.possess(cy, room);
  relay.deliver = (delivery) =>
    delivery.kind === "entry" && delivery.entry.kind === "commit" ? [] : [delivery];
  const [anasLeaf = 0] = evil.others();
  await evil.commit({ remove: [anasLeaf] });
  const invited = bo.chat.invite(room, ["carl"]);
  await sees(ana, room, "* a change by cy was refused: may not remove this member");
  relay.deliver = (delivery) => [delivery];
  await ana.chat.send(room, "still here");
  await invited;
  await sees(ana, room, "* bo invited carl");
  await sees(bo, room, "ana: still here");
});

it("rules that nobody can read are refused by all", async () => {
  await using world = await World.start();
  const [ana, bo, cy] = [await world.person("ana"), await world.person("bo"), await world.person("cy")];
  const room = await roomOf(ana, "garden", [bo, cy]);
  await ana.chat.setRole(room, "cy", "owner");
  await until(cy, "an owner", (chat) => chat.snapshot().rooms[0]?.role === "owner");
  await cy.chat.close();
  await using evil = await EvilMember.possess(cy, room);
  await evil.commit({ policy: new Uint8Array([9, 9, 9]) });
  for (const person of [ana, bo])
    await sees(person, room, "* a change by cy was refused: made rules that cannot be read");
  await ana.chat.send(room, "one");
  await sees(bo, room, "ana: one");
  expect(bo.chat.members(room)).toHaveLength(3);
});

it("two who leave at the same time are both gone", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await sees(ana, room, "* bo joined");
  await Promise.all([ana.chat.leaveRoom(room), bo.chat.leaveRoom(room)]);
  for (const person of [ana, bo]) {
    await until(person, "nobody is left", (chat) => chat.members(room).length === 0);
    await person.chat.leaveRoom(room);
    await world.reopen(person);
    expect(person.chat.snapshot().rooms).toEqual([]);
  }
});
