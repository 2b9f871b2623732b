import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ForkedServer, strawMan } from "./evil-server.ts";
import type { Person } from "./world.ts";
import { lines, roomOf, sees, until, World } from "./world.ts";

/** docs/trust.md T10, T11: the only witness of either log is the relay itself. */
async function peopleOfTwoWorlds({ unsafeTestingIgnoreLog = false } = {}) {
  const server = await ForkedServer.start((await strawMan("mallory")).logged);
  const world = await World.start();
  world.unsafeTestingIgnoreLog = unsafeTestingIgnoreLog;
  return { server, world, ...(await server.anaAndBo(world)) };
}

function hasAlarm(person: Person): Promise<void> {
  return until(person, "the fork is proven", (chat) => chat.log().status().forked);
}

test("T11: two people to whom the server shows two logs find out by talking, and can prove it to anybody", async () => {
  const { server, world, ana, bo } = await peopleOfTwoWorlds();
  await using _server = server;
  await using _world = world;
  const room = await roomOf(ana, "garden", [bo]);
  await ana.chat.send(room, "hello");
  await sees(bo, room, "ana: hello");
  await hasAlarm(bo);
  await hasAlarm(ana);
  expect(lines(bo, room)).toContain(
    "* ana was shown another log of this server than you; the two are being compared",
  );
  for (const person of [ana, bo]) {
    const [alarm = ""] = person.chat.snapshot().alarms;
    expect(alarm).toMatch(
      /^this server's log shows different people different things; the proof is in .*\. Nobody can be added$/,
    );
    await sees(person, room, `* ALARM: ${alarm}`);
    const refusal = { code: "refused", message: expect.stringContaining("nobody can be added now") };
    await expect(person.chat.invite(room, ["cyd"])).rejects.toMatchObject(refusal);
    const file = alarm.replace(/^.* in (.*)\. Nobody can be added$/, "$1");
    const verdict = verify(file, person.chat.log().key() ?? "");
    expect(verdict).toMatchObject({ status: 0, stdout: expect.stringContaining("Forked at size") });
  }
  const anas = ana.chat.log().evidence();
  expect(anas).toEqual(bo.chat.log().evidence());
  expect(
    verifyBytes(anas?.map((byte, at) => (at === 400 ? byte ^ 1 : byte)) ?? new Uint8Array(), ana).status,
  ).toBe(1);
});

test("T11 without the log: nobody notices", async () => {
  const { server, world, ana, bo } = await peopleOfTwoWorlds({ unsafeTestingIgnoreLog: true });
  await using _server = server;
  await using _world = world;
  const room = await roomOf(ana, "garden", [bo]);
  await ana.chat.send(room, "hello");
  await bo.chat.send(room, "hello too");
  await sees(bo, room, "ana: hello");
  await sees(ana, room, "bo: hello too");
  expect([ana, bo].flatMap(({ chat }) => chat.snapshot().alarms)).toEqual([]);
});

test("T10: people in one world notice nothing", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await ana.chat.send(room, "hello");
  await bo.chat.send(room, "hello too");
  await sees(ana, room, "bo: hello too");
  await Promise.all([ana.chat.log().sync(), bo.chat.log().sync()]);
  for (const person of [ana, bo]) {
    expect(person.chat.snapshot().alarms).toEqual([]);
    expect(person.chat.log().status().forked).toBe(false);
  }
});

function verify(file: string, vkey: string) {
  const script = join(import.meta.dirname, "../scripts/verify-fork-evidence.js");
  return spawnSync(process.execPath, [script, file, vkey], { encoding: "utf8" });
}

function verifyBytes(evidence: Uint8Array, person: Person) {
  const folder = mkdtempSync(join(tmpdir(), "parley-evidence-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "evidence"), evidence);
  return verify(join(folder, "evidence"), person.chat.log().key() ?? "");
}
