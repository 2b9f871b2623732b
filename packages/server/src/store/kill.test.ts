import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { decodeRoomLogEntry } from "@parley/protocol";
import { expect, it } from "vitest";
import type { RelayStore } from "./contract.ts";
import { openSqliteStore } from "./sqlite/store.ts";
import { temporaryStore } from "./sqlite/temporary-store.ts";
import { EVERYTHING, expectChained } from "./suite/fixtures.ts";

const ROUNDS = 5;
const WRITER = new URL("./sqlite/killed-writer.ts", import.meta.url).pathname;
const seed = Date.now() % 100_000;

function roomOf(writer: string): Uint8Array {
  return createHash("sha256").update(`room ${writer}`).digest().subarray(0, 16);
}

/** Runs the writer until it has acknowledged `count` entries, kills it, and returns every line it wrote. */
async function killAfter(path: string, run: string, count: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [WRITER, path, run], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once("exit", (_code, signal) => resolve(signal)),
  );
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === count) child.kill("SIGKILL");
  }
  expect(await ended).toBe("SIGKILL");
  return lines.filter((line) => /^\d+ \d+ [0-9a-f]{64}$/.test(line));
}

/** Every entry has a Welcome for each device it added: in the inbox once, or still waiting and then delivered once. */
async function expectWelcomes(store: RelayStore, entries: readonly Uint8Array[]): Promise<void> {
  const added = entries.flatMap((entry) => decodeRoomLogEntry(entry).added);
  for (const device of added) expect(await store.readInbox(device, 0, EVERYTHING)).toHaveLength(1);
}

it(`keeps what it acknowledged when it is killed in the middle of appends (seed ${seed})`, async () => {
  const under = temporaryStore();
  await under.store.close();
  const acknowledged = new Map<string, string>();
  for (let round = 0; round < ROUNDS; round++) {
    const count = 50 + (((seed + round) * 7919) % 3000);
    const lines = await killAfter(under.path, `${seed}/${round}`, count);
    for (const line of lines) {
      const [writer, seq, digest] = line.split(" ") as [string, string, string];
      const key = `${writer} ${seq}`;
      expect(acknowledged.has(key), `seq ${key} given twice`).toBe(false);
      acknowledged.set(key, digest);
    }
    const store = openSqliteStore({ path: under.path });
    const writers = new Set([...acknowledged.keys()].map((key) => key.split(" ")[0] as string));
    const logs = new Map<string, readonly Uint8Array[]>();
    for (const writer of writers) logs.set(writer, await expectChained(store, roomOf(writer)));
    for (const [key, digest] of acknowledged) {
      const [writer, seq] = key.split(" ") as [string, string];
      const entry = logs.get(writer)?.[Number(seq) - 1] ?? new Uint8Array();
      expect(createHash("sha256").update(entry).digest("hex"), `entry ${key}`).toBe(digest);
    }
    for (const room of await store.pendingDeliveries()) await store.deliverPending(room);
    for (const entries of logs.values()) await expectWelcomes(store, entries);
    await store.close();
  }
  expect(acknowledged.size).toBeGreaterThan(ROUNDS * 40);
  await under.dispose();
});
