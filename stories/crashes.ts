import type { ChildProcess } from "node:child_process";
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "vitest";
import type { Person } from "./world.ts";
import { lines, roomOf, sees, until, World } from "./world.ts";

const PROGRAM = join(import.meta.dirname, "../packages/terminal/bin/parley.js");
const TALKER = join(import.meta.dirname, "processes/talker-process.ts");

/** mulberry32: uniform in [0, 1), the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** Client and relay are processes that die at random moments; afterwards nothing promised is lost, and nothing is there twice. */
export async function crashStory({ seed, kills }: { readonly seed: number; readonly kills: number }) {
  const random = seeded(seed);
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await sees(ana, room, "* bo joined");
  await world.close(ana);
  const { port } = world.relay.address;
  const promised: string[] = [];
  await world.restartRelayAfter(async () => {
    const startRelay = async () => {
      const args = ["serve", "--yes", "--data", join(world.folder, "relay"), "--listen", `127.0.0.1:${port}`];
      const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "ignore"] });
      // Its first words come when it listens.
      await once(child.stdout, "data");
      child.stdout.resume();
      return child;
    };
    const startTalker = (life: number) => {
      const child = fork(TALKER, [ana.folder, room, `${life}`], {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      child.on("message", (text) => promised.push(String(text)));
      return child;
    };
    let relay = await startRelay();
    let talker = startTalker(0);
    for (let life = 1; life <= kills; life++) {
      // A random moment is what the story is about: there is no event to wait for.
      await new Promise((resolve) => setTimeout(resolve, 500 + random() * 1700));
      const which = random();
      if (which < 0.6) await kill(relay);
      if (which > 0.4) await kill(talker);
      if (which < 0.6) relay = await startRelay();
      if (which > 0.4) talker = startTalker(life);
    }
    await kill(talker);
    await kill(relay);
  });
  await world.reopen(ana);
  const { queued } = ana.chat.snapshot();
  expect(queued, `seed ${seed}: relays that were killed carried messages too`).toBeLessThan(promised.length);
  for (const person of [ana, bo]) person.chat.reconnect();
  await until(
    ana,
    "all is sent",
    (chat) => chat.snapshot().connection.kind === "connected" && chat.snapshot().queued === 0,
  );
  await bo.chat.send(room, "the end");
  for (const person of [ana, bo]) await sees(person, room, "bo: the end");
  const said = (person: Person) => lines(person, room, 100_000).filter((line) => /^(ana|bo): /.test(line));
  const seen = said(bo);
  expect(said(ana), `seed ${seed}`).toEqual(seen);
  expect(new Set(seen).size, `seed ${seed}`).toBe(seen.length);
  const there = new Set(seen);
  expect(
    promised.filter((text) => !there.has(`ana: ${text}`)),
    `seed ${seed}`,
  ).toEqual([]);
  expect(promised.length, `seed ${seed}`).toBeGreaterThan(kills);
  return { promised: promised.length, queued };
}
