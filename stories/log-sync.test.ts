import { expect, test } from "vitest";
import { lines, roomOf, sees, World } from "./world.ts";

test("everybody holds the whole log, and it leads to the root that the relay signed", async () => {
  await using world = await World.start();
  const ana = await world.person("ana");
  const bo = await world.person("bo");
  const room = await roomOf(ana, "garden", [bo]);
  await ana.chat.send(room, "hello");
  await sees(bo, room, "ana: hello");
  const status = await ana.chat.log().sync();
  expect(status).toMatchObject({ origin: "127.0.0.1/parley", size: 6, alarms: [], forked: false });
  expect(await bo.chat.log().sync()).toMatchObject({ size: 6, root: status.root });
  expect(await ana.chat.log().check()).toBe(true);
  expect(await ana.chat.log().prove("bo")).toHaveLength(2);
  expect(lines(bo, room)).not.toContainEqual(expect.stringContaining("ALARM"));
});
