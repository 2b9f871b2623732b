import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { acceptLogLoss, finishBackup, restoreBackup } from "@parley/server";
import { expect, test } from "vitest";
import { replaceRelay } from "./restored-relay.ts";
import type { Person } from "./world.ts";
import { connected, lines, roomId, roomOf, sees, until, World } from "./world.ts";

/** Ana, bo and cyd in one room, and a backup of the relay made then. */
async function threeAndABackup(world: World) {
  const [ana, bo, cyd] = [await world.person("ana"), await world.person("bo"), await world.person("cyd")];
  const room = await roomOf(ana, "garden", [bo, cyd]);
  for (const person of [ana, bo, cyd]) await says(person, room, `${person.name} was here`, [ana, bo, cyd]);
  const from = join(world.folder, "backup");
  const settledLogSize = await world.relay.copyData(from);
  await finishBackup(from, { settledLogSize, nowMs: Date.now() });
  return { ana, bo, cyd, room, from };
}

async function says(speaker: Person, room: string, text: string, hearers: readonly Person[]): Promise<void> {
  await speaker.chat.send(room, text);
  for (const hearer of hearers) await sees(hearer, room, `${speaker.name}: ${text}`);
}

/** Puts yesterday's relay back. Nothing was lost of its log. */
async function restore(world: World, from: string): Promise<void> {
  await replaceRelay(world, from);
  await world.restartRelayAfter(async () => {
    await acceptLogLoss(join(world.folder, "relay"));
  });
}

const isLossLine = (line: string) => /^\* the server was put back from a backup: it has lost/.test(line);

test("yesterday's relay: everybody keeps what they read, is told what the relay lost, and can talk", async () => {
  await using world = await World.start();
  const { ana, bo, cyd, room, from } = await threeAndABackup(world);
  await world.close(cyd);
  for (const text of ["one", "two", "three"]) await says(bo, room, text, [ana, bo]);
  const [keptByAna, keptByBo] = [lines(ana, room), lines(bo, room)];
  await restore(world, from);
  await world.reopen(cyd);
  await Promise.all([ana, bo, cyd].map(connected));

  await until(ana, "told", () => lines(ana, room).some(isLossLine));
  expect(lines(ana, room).slice(0, -1)).toEqual(keptByAna);
  await world.reopen(ana);
  expect(lines(ana, room).slice(0, -1)).toEqual(keptByAna);
  await connected(ana);

  await says(ana, room, "hello again", [ana, bo, cyd]);
  await says(cyd, room, "I was away", [ana, bo, cyd]);
  await says(bo, room, "me too", [ana, bo, cyd]);
  for (const [person, kept] of [
    [ana, keptByAna],
    [bo, keptByBo],
  ] as const) {
    const shown = lines(person, room);
    expect(shown.filter(isLossLine)).toHaveLength(1);
    expect(shown.slice(0, kept.length)).toEqual(kept);
    expect(isLossLine(shown[kept.length] ?? "")).toBe(true);
    expect(shown.slice(kept.length + 1)).toEqual(["ana: hello again", "cyd: I was away", "bo: me too"]);
  }
  expect(lines(cyd, room).filter(isLossLine)).toEqual([]);
  expect(lines(ana, room).filter((line) => /another history/.test(line))).toEqual([]);
  await world.reopen(ana);
  expect(lines(ana, room).slice(0, keptByAna.length)).toEqual(keptByAna);
  expect(lines(ana, room).filter(isLossLine)).toHaveLength(1);
});

test("who comes back while the restored room is still shorter than what they have is told once", async () => {
  await using world = await World.start();
  const { ana, bo, cyd, room, from } = await threeAndABackup(world);
  for (const text of ["one", "two", "three"]) await says(bo, room, text, [ana, bo, cyd]);
  await world.close(cyd);
  await restore(world, from);
  await Promise.all([ana, bo].map(connected));
  await says(ana, room, "four", [ana, bo]);
  await world.reopen(cyd);
  await sees(cyd, room, "ana: four");
  await says(cyd, room, "five", [ana, bo, cyd]);
  const shown = lines(cyd, room);
  expect(shown.filter(isLossLine)).toEqual([expect.stringContaining("lost the last 3 entries")]);
  expect(shown.slice(-6).filter((line) => !isLossLine(line))).toEqual([
    ...["one", "two", "three"].map((text) => `bo: ${text}`),
    "ana: four",
    "cyd: five",
  ]);
});

test("who comes back when the restored room has long gone on misses nothing of that", async () => {
  await using world = await World.start();
  const { ana, bo, cyd, room, from } = await threeAndABackup(world);
  for (const text of ["one", "two", "three"]) await says(bo, room, text, [ana, bo, cyd]);
  await world.close(cyd);
  await restore(world, from);
  await Promise.all([ana, bo].map(connected));
  for (const text of ["four", "five", "six", "seven", "eight"]) await says(ana, room, text, [ana, bo]);
  await world.reopen(cyd);
  await sees(cyd, room, "ana: eight");
  const shown = lines(cyd, room);
  expect(shown.filter(isLossLine)).toHaveLength(1);
  expect(shown.slice(-9).filter((line) => !isLossLine(line))).toEqual([
    ...["one", "two", "three"].map((text) => `bo: ${text}`),
    ...["four", "five", "six", "seven", "eight"].map((text) => `ana: ${text}`),
  ]);
  await says(cyd, room, "caught up", [ana, bo, cyd]);
});

test("the relay has lost a change of the room: its members come back by themselves and can talk", async () => {
  await using world = await World.start();
  const { ana, bo, cyd, room, from } = await threeAndABackup(world);
  const dan = await world.person("dan");
  await ana.chat.invite(room, ["dan"]);
  await until(dan, "invited", (chat) => chat.snapshot().invitations.length > 0);
  await dan.chat.acceptInvitation(dan.chat.snapshot().invitations[0]?.id ?? "");
  await sees(cyd, room, "* dan joined");
  await says(bo, room, "welcome", [ana, bo, cyd]);
  await world.close(dan);
  world.unsafeTestingIgnoreLog = true;
  for (const person of [ana, bo, cyd]) await world.reopen(person);
  await restore(world, from);
  await Promise.all([ana, bo, cyd].map(connected));
  const back = "* this device is back in the room; messages before this line may be missing";
  for (const person of [ana, bo, cyd]) await sees(person, room, back);
  for (const person of [ana, bo, cyd]) await says(person, room, `${person.name} again`, [ana, bo, cyd]);
  for (const person of [ana, bo, cyd]) {
    const shown = lines(person, room);
    expect(shown.filter(isLossLine)).toHaveLength(1);
    expect(shown).toContain("bo: welcome");
    expect(shown).toContain("* dan came in after the backup: invite them again");
  }
});

test("who was removed after the backup is not let back in by it", async () => {
  await using world = await World.start();
  const { ana, bo, cyd, room, from } = await threeAndABackup(world);
  await ana.chat.removeMember(room, "cyd");
  await until(cyd, "out", (chat) => chat.snapshot().rooms[0]?.state === "removed");
  await says(bo, room, "among us", [ana, bo]);
  await restore(world, from);
  await Promise.all([ana, bo, cyd].map(connected));
  for (const person of [ana, bo]) {
    await until(person, "it stays out", () =>
      lines(person, room).some((line) => /this device stays out/.test(line)),
    );
  }
  await ana.chat.send(room, "a secret");
  expect(lines(cyd, room)).not.toContain("ana: a secret");
  expect(ana.chat.snapshot().queued).toBe(1);
  const anew = await roomOf(ana, "orchard", [bo]);
  await says(bo, anew, "here instead", [ana, bo]);
});

test("a room that is younger than the backup ends with a sentence, and another takes its place", async () => {
  await using world = await World.start();
  const { ana, bo, from } = await threeAndABackup(world);
  const young = await roomOf(ana, "young", [bo]);
  await says(bo, young, "fresh", [ana, bo]);
  await restore(world, from);
  await Promise.all([ana, bo].map(connected));
  for (const person of [ana, bo]) {
    await until(person, "told", () =>
      lines(person, young).some((line) => /does not know this device in this room/.test(line)),
    );
    expect(lines(person, young)).toContain("bo: fresh");
  }
  const anew = await roomOf(ana, "orchard", [bo]);
  expect(roomId(bo, "orchard")).toBe(anew);
  await says(bo, anew, "here instead", [ana, bo]);
});

test("a relay that goes back without saying so is told of, and not followed", async () => {
  await using world = await World.start();
  const { ana, bo, cyd, room } = await threeAndABackup(world);
  const [data, older] = [join(world.folder, "relay"), join(world.folder, "older")];
  await world.restartRelayAfter(() => cpSync(data, older, { recursive: true }));
  await Promise.all([ana, bo, cyd].map(connected));
  await says(bo, room, "one", [ana, bo, cyd]);
  await world.restartRelayAfter(() => {
    rmSync(data, { recursive: true });
    cpSync(older, data, { recursive: true });
  });
  await sees(
    ana,
    room,
    "* the relay has lost the end of this room, as after a restored backup; ask its operator",
  );
  expect(lines(ana, room)).toContain("bo: one");
  expect(lines(ana, room).filter(isLossLine)).toEqual([]);
});

test("one backup put back twice has a generation of its own each time", async () => {
  await using world = await World.start();
  const { from } = await threeAndABackup(world);
  const nowMs = Date.now();
  const first = await restoreBackup({ from, dataFolder: join(world.folder, "first"), nowMs });
  const second = await restoreBackup({ from, dataFolder: join(world.folder, "second"), nowMs: nowMs + 1000 });
  expect(second.generation).toBeGreaterThan(first.generation);
});
