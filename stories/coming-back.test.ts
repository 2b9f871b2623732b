import { expect, it } from "vitest";
import { openStore } from "../packages/client/src/node/open-chat.ts";
import { roomOf, sees, until, World } from "./world.ts";

it("a device that comes back after a gap is told the name and topic that the gap has swallowed", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await sees(ana, room, "* bo joined");
  await world.close(bo);
  const store = openStore(bo.folder);
  store.write([{ kind: "delete-prefix", collection: "group", prefix: `${room}/` }]);
  store.close();
  await ana.chat.renameRoom(room, "orchard");
  await ana.chat.setTopic(room, "apples");
  await until(ana, "all is sent", (chat) => chat.snapshot().queued === 0);
  await world.reopen(bo);
  await until(bo, "told", (chat) => chat.snapshot().rooms[0]?.topic === "apples");
  expect(bo.chat.snapshot().rooms[0]).toMatchObject({ name: "orchard", state: "active" });
});

it("who wanted to leave and lost the keys before that leaves all the same", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await sees(ana, room, "* bo joined");
  await world.restartRelayAfter(async () => {
    await bo.chat.leaveRoom(room);
    await world.close(bo);
    const store = openStore(bo.folder);
    store.write([{ kind: "delete-prefix", collection: "group", prefix: `${room}/` }]);
    store.close();
  });
  await world.reopen(bo);
  ana.chat.reconnect();
  await sees(ana, room, "* bo left");
  expect(ana.chat.members(room).map(({ name }) => name)).toEqual(["ana"]);
});
