import { createReadStream, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { acceptLogLoss, finishBackup, repairLog, restoreBackup } from "@parley/server";
import { expect, test } from "vitest";
import { runLogExport } from "../packages/terminal/src/verbs/log.ts";
import { replaceRelay } from "./restored-relay.ts";
import { verbContext } from "./verb-context.ts";
import type { Person } from "./world.ts";
import { connected, roomOf, sees, until, World } from "./world.ts";

/** A checked backup of the running relay. */
async function backUp(world: World): Promise<string> {
  const folder = join(world.folder, "backup");
  const settledLogSize = await world.relay.copyData(folder);
  await finishBackup(folder, { settledLogSize, nowMs: Date.now() });
  return folder;
}

async function exportLog(world: World, person: Person): Promise<string> {
  const file = join(world.folder, `${person.name}.jsonl`);
  const { context } = verbContext(person.folder);
  await runLogExport(context, file);
  return file;
}

function linesOf(file: string): () => AsyncIterable<string> {
  return () => createInterface({ input: createReadStream(file, "utf8") });
}

const relayFolder = (world: World) => join(world.folder, "relay");

test("a backup of a running relay is whole, and its owner's alone", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  for (let i = 0; i < 100; i++) await ana.chat.send(room, `before ${i}`);
  const folder = await backUp(world);
  await sees(bo, room, "ana: before 99");
  const names = readdirSync(folder).sort();
  expect(names).toEqual(
    expect.arrayContaining(["identity.json", "log-key.json", "log.db", "parley-backup.json", "relay.db"]),
  );
  expect(names.filter((name) => name.endsWith("-wal"))).toEqual([]);
  for (const name of names) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  await expect(world.relay.copyData(folder)).rejects.toMatchObject({ code: "not-empty" });
});

test("a damaged backup is not put back, nor a good one over a relay that is there", async () => {
  await using world = await World.start();
  await world.person("ana");
  const from = await backUp(world);
  const restore = (dataFolder: string) => restoreBackup({ from, dataFolder, nowMs: Date.now() });
  await expect(restore(relayFolder(world))).rejects.toMatchObject({ code: "not-empty" });
  const path = join(from, "relay.db");
  const bytes = readFileSync(path);
  bytes[5000] = (bytes[5000] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const target = join(world.folder, "new");
  await expect(restore(target)).rejects.toMatchObject({ code: "damaged" });
  expect(readdirSync(world.folder)).not.toContain("new");
});

test("T13: a restored relay gets its log's tail from a member's file, to the same root; who came after the backup is back", async () => {
  await using world = await World.start();
  const ana = await world.person("ana");
  const from = await backUp(world);
  const cyd = await world.person("cyd");
  const before = await ana.chat.log().sync();
  expect(before.size).toBe(6);
  for (const person of [ana, cyd]) await world.close(person);
  const file = await exportLog(world, ana);

  await replaceRelay(world, from);
  expect(world.relay.awaitsLogRepair).toBe(true);
  await expect(world.person("dan")).rejects.toThrow(/takes no new accounts/);
  await world.restartRelayAfter(async () => {
    const repair = { dataFolder: relayFolder(world), read: linesOf(file), nowMs: Date.now() };
    expect(await repairLog(repair)).toEqual({ entries: 2, accounts: 1, size: 6 });
    expect(await repairLog(repair)).toEqual({ entries: 0, accounts: 0, size: 6 });
  });
  for (const person of [ana, cyd]) await world.reopen(person);
  await Promise.all([ana, cyd].map(connected));
  expect(await ana.chat.log().sync()).toMatchObject({ size: 6, root: before.root, alarms: [] });
  await world.person("eli");
  const room = await roomOf(ana, "garden", [cyd]);
  await cyd.chat.send(room, "still here");
  await sees(ana, room, "cyd: still here");
});

test("T13: the first member who comes back repairs the log by itself; it takes new entries when the operator says so", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const from = await backUp(world);
  const cyd = await world.person("cyd");
  const before = await ana.chat.log().sync();
  await world.close(cyd);
  await world.close(bo);
  await replaceRelay(world, from);
  await connected(ana);
  expect(await ana.chat.log().sync()).toMatchObject({ size: 8, root: before.root, alarms: [] });
  await world.reopen(cyd);
  await world.reopen(bo);
  await Promise.all([bo, cyd].map(connected));
  await expect(world.person("dan")).rejects.toThrow(/takes no new accounts/);
  await world.relay.admin.endRepair();
  await expect(world.relay.admin.endRepair()).rejects.toMatchObject({ code: "no-repair" });
  await world.person("eli");
  expect(await bo.chat.log().sync()).toMatchObject({ size: 10, alarms: [] });
  await world.restartRelay();
  await world.person("fay");
});

test("an export that is not of this log, or was altered, repairs nothing", async () => {
  await using world = await World.start();
  await using other = await World.start();
  const ana = await world.person("ana");
  const eve = await other.person("eve");
  const from = await backUp(world);
  await world.person("bo");
  await ana.chat.log().sync();
  await eve.chat.log().sync();
  await world.close(ana);
  await other.close(eve);
  const [own, foreign] = [await exportLog(world, ana), await exportLog(other, eve)];
  const altered = join(world.folder, "altered.jsonl");
  const lines = readFileSync(own, "utf8").trimEnd().split("\n");
  writeFileSync(altered, [...lines.slice(0, -1), lines[1]].join("\n"));
  await replaceRelay(world, from);
  await world.restartRelayAfter(async () => {
    for (const file of [foreign, altered, join(from, "identity.json")]) {
      const repair = { dataFolder: relayFolder(world), read: linesOf(file), nowMs: Date.now() };
      await expect(repairLog(repair)).rejects.toMatchObject({ code: "other-log" });
    }
  });
  expect(world.relay.awaitsLogRepair).toBe(true);
});

test("a log whose loss was accepted goes on, and can no longer be repaired; who has seen more stays away", async () => {
  await using world = await World.start();
  const ana = await world.person("ana");
  const from = await backUp(world);
  await world.person("bo");
  await ana.chat.log().sync();
  await world.close(ana);
  const file = await exportLog(world, ana);
  await replaceRelay(world, from);
  await world.restartRelayAfter(async () => {
    expect(await acceptLogLoss(relayFolder(world))).toBe(true);
  });
  await world.reopen(ana);
  await until(ana, "stopped", (chat) => chat.snapshot().connection.kind === "stopped");
  expect(ana.chat.snapshot().connection).toMatchObject({
    exitCode: 12,
    reason: expect.stringContaining("lacks 2 entries of its log that you hold"),
  });
  await world.person("cyd");
  await world.reopen(ana);
  await until(ana, "stopped or alarmed", (chat) => {
    const { connection, alarms } = chat.snapshot();
    return connection.kind === "stopped" || alarms.length > 0;
  });
  await world.restartRelayAfter(async () => {
    const repair = { dataFolder: relayFolder(world), read: linesOf(file), nowMs: Date.now() };
    await expect(repairLog(repair)).rejects.toMatchObject({ code: "log-went-on" });
  });
});
