import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { HandTurnedClock } from "../packages/client/src/connection/hand-turned-clock.ts";
import { lines, roomOf, sees, until, World } from "./world.ts";

const MINUTE_MS = 60_000;

/** Whether any file of a person's folder has `text` in it. */
function isOnDisk(folder: string, text: string): boolean {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(text));
}

it("messages of a room with a timer go from everybody's screen and disk, also when the program was closed", async () => {
  await using world = await World.start();
  const clock = new HandTurnedClock(Date.now());
  world.clock = clock;
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await ana.chat.send(room, "this one stays");
  await sees(bo, room, "ana: this one stays");
  await ana.chat.setKeepTime(room, 5 * MINUTE_MS);
  await sees(bo, room, "* ana lets messages disappear 5 minutes after they are sent, from now on");
  expect(bo.chat.snapshot().rooms[0]?.keepMs).toBe(5 * MINUTE_MS);
  await bo.chat.send(room, "xylophone in the hedge");
  await sees(ana, room, "bo: xylophone in the hedge");
  const [shown] = ana.chat.timeline(room, { limit: 1 }).items;
  expect(shown).toMatchObject({ kind: "message", expiresAtMs: expect.any(Number) });
  await until(bo, "all is sent", (chat) => chat.snapshot().queued === 0);
  await sees(bo, room, "bo: xylophone in the hedge");
  await world.close(bo);
  expect(isOnDisk(bo.folder, "xylophone")).toBe(true);

  await clock.turn(6 * MINUTE_MS);
  await until(ana, "it is gone", () => !lines(ana, room).includes("bo: xylophone in the hedge"));
  expect(lines(ana, room)).toContain("ana: this one stays");
  await world.reopen(bo);
  expect(lines(bo, room)).not.toContain("bo: xylophone in the hedge");
  expect(lines(bo, room)).toContain("ana: this one stays");
  for (const person of [ana, bo]) {
    await world.close(person);
    expect(isOnDisk(person.folder, "xylophone")).toBe(false);
    expect(isOnDisk(person.folder, "this one stays")).toBe(true);
  }
});

it("messages that come too late are not shown, and said to be missing once", async () => {
  await using world = await World.start();
  const clock = new HandTurnedClock(Date.now());
  world.clock = clock;
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await ana.chat.setKeepTime(room, 5 * MINUTE_MS);
  await sees(bo, room, "* ana lets messages disappear 5 minutes after they are sent, from now on");
  await world.close(bo);
  for (const text of ["one", "two", "three"]) await ana.chat.send(room, text);
  await until(ana, "all is sent", (chat) => chat.snapshot().queued === 0);
  clock.jump(6 * MINUTE_MS);
  await world.reopen(bo);
  await ana.chat.setKeepTime(room, 0);
  await sees(bo, room, "* ana lets messages stay from now on");
  const { items } = bo.chat.timeline(room, { limit: 100 });
  const gaps = items.filter(({ kind }) => kind === "gap");
  expect(gaps).toMatchObject([{ cause: "their time was up before they got here" }]);
  expect(gaps[0]).toMatchObject({ toSeq: (gaps[0]?.seq ?? 0) + 2 });
  expect(bo.chat.snapshot().rooms[0]?.unread).toBe(0);
});

it("only an owner sets the timer of a room; of two people, either does", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await expect(bo.chat.setKeepTime(room, MINUTE_MS)).rejects.toMatchObject({ code: "not-allowed" });
  await expect(ana.chat.setKeepTime(room, 1)).rejects.toMatchObject({ code: "refused" });
  const direct = await ana.chat.openDirect("bo");
  await until(bo, "invited", (chat) => chat.snapshot().invitations.length > 0);
  await bo.chat.acceptInvitation(bo.chat.snapshot().invitations[0]?.id ?? "");
  await sees(ana, direct, "* bo joined");
  await bo.chat.setKeepTime(direct, MINUTE_MS);
  await sees(ana, direct, "* bo lets messages disappear 1 minute after they are sent, from now on");
  await ana.chat.setKeepTime(direct, 0);
  await sees(bo, direct, "* ana lets messages stay from now on");
});
