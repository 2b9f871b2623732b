import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { appendToLog, strawMan } from "./evil-server.ts";
import type { Person } from "./world.ts";
import { connected, until, World } from "./world.ts";

/** Ana has seen a log of six entries; then the relay is put back to where it had four. */
async function rollBack(world: World): Promise<Person> {
  const ana = await world.person("ana");
  const relayFolder = join(world.folder, "relay");
  const older = join(world.folder, "older");
  await world.restartRelayAfter(() => cpSync(relayFolder, older, { recursive: true }));
  await connected(ana);
  await world.person("bo");
  expect(await ana.chat.log().sync()).toMatchObject({ size: 6 });
  await world.restartRelayAfter(() => {
    rmSync(relayFolder, { recursive: true });
    cpSync(older, relayFolder, { recursive: true });
  });
  return ana;
}

test("T12: a server that goes back behind the log it showed is refused, with exit code 12", async () => {
  await using world = await World.start();
  const ana = await rollBack(world);
  await until(ana, "stopped", (chat) => chat.snapshot().connection.kind === "stopped");
  expect(ana.chat.snapshot().connection).toMatchObject({
    exitCode: 12,
    reason: "The server has gone back behind the log that it showed before",
  });
});

test("T12 without the log: the older server is taken as it comes", async () => {
  await using world = await World.start();
  world.unsafeTestingIgnoreLog = true;
  const ana = await rollBack(world);
  await connected(ana);
});

test("T12: whoever comes by an invite link notices that the server has another log than it showed the inviter", async () => {
  await using world = await World.start();
  const ana = await world.person("ana");
  const relayFolder = join(world.folder, "relay");
  const older = join(world.folder, "older");
  await world.restartRelayAfter(() => cpSync(relayFolder, older, { recursive: true }));
  await connected(ana);
  await world.person("cyd");
  await ana.chat.log().sync();
  const link = await ana.chat.createInviteLink({});
  await world.close(ana);
  const { logged } = await strawMan("mallory");
  await world.restartRelayAfter(async () => {
    cpSync(join(older, "log.db"), join(relayFolder, "log.db"));
    await appendToLog(relayFolder, logged);
  });
  const bo = await world.person("bo", link);
  await until(bo, "alarmed", (chat) => chat.snapshot().alarms.length > 0);
  expect(bo.chat.snapshot().alarms).toEqual([
    "the server shows you another log than it showed whoever invited you. Nobody can be added",
  ]);
});
