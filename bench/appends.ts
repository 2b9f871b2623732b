import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RelayStore } from "../packages/server/src/store/contract.ts";
import { openSqliteStore } from "../packages/server/src/store/sqlite/store.ts";
import type { BenchRow } from "./row.ts";

const MESSAGE_BYTES = 256;
const GOAL_PER_S = 60_000;
const RUN_MS = 4000;

interface Load {
  readonly rooms: number;
  /** Appends under way at any time. */
  readonly inFlight: number;
}

interface Result {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

async function makeRooms(store: RelayStore, count: number): Promise<Uint8Array[]> {
  const rooms = Array.from({ length: count }, () => randomBytes(16));
  await Promise.all(rooms.map((room) => store.createRoom({ room, creator: SENDER, nowMs: Date.now() })));
  return rooms;
}

const SENDER = { account: randomBytes(32), device: 1 };
const MESSAGE = randomBytes(MESSAGE_BYTES);

/** Client ids made before the clock runs. The longest run uses fewer than there are. */
const CLIENT_IDS = new Uint8Array(randomBytes(16 * 600_000));

/** Senders that each append to a room chosen at random, wait for the acknowledgement, and append again. */
async function measure({ rooms: roomCount, inFlight }: Load): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "parley-bench-"));
  const store = openSqliteStore({ path: join(folder, "relay.sqlite") });
  try {
    const rooms = await makeRooms(store, roomCount);
    const waitsMs: number[] = [];
    let serial = 0;
    const startMs = performance.now();
    const endMs = startMs + RUN_MS;
    const send = async () => {
      for (let askedMs = startMs; askedMs < endMs; ) {
        const at = 16 * serial++;
        const clientId = CLIENT_IDS.subarray(at, at + 16);
        const room = rooms[Math.floor(Math.random() * roomCount)] as Uint8Array;
        await store.append({
          room,
          sender: SENDER,
          clientId,
          epoch: 0,
          kind: "application",
          message: MESSAGE,
          nowMs: Date.now(),
        });
        const doneMs = performance.now();
        waitsMs.push(doneMs - askedMs);
        askedMs = doneMs;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, send));
    const elapsedMs = performance.now() - startMs;
    waitsMs.sort((a, b) => a - b);
    const quantile = (q: number) => waitsMs[Math.floor((waitsMs.length - 1) * q)] ?? 0;
    return {
      perSecond: (waitsMs.length / elapsedMs) * 1000,
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      maxMs: quantile(1),
    };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

/**
 * Durable appends of 256 B on one core: SQLite, synced before each acknowledgement, group commit. The goal is for many rooms and
 * many senders at once.
 */
export async function benchAppends(): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const load of [
    { rooms: 1000, inFlight: 512 },
    { rooms: 1000, inFlight: 128 },
    { rooms: 1000, inFlight: 16 },
    { rooms: 1, inFlight: 128 },
  ]) {
    const { perSecond, p50Ms, p99Ms, maxMs } = await measure(load);
    const name = `durable appends, ${load.rooms} room${load.rooms === 1 ? "" : "s"}, ${load.inFlight} in flight`;
    const goal = load.rooms > 1 && load.inFlight === 512 ? { goal: GOAL_PER_S } : {};
    rows.push({ name, value: Math.round(perSecond), unit: "1/s", ...goal });
    rows.push({ name: `${name}: p50`, value: Math.round(p50Ms * 100) / 100, unit: "ms" });
    rows.push({ name: `${name}: p99`, value: Math.round(p99Ms * 100) / 100, unit: "ms" });
    rows.push({ name: `${name}: max`, value: Math.round(maxMs * 100) / 100, unit: "ms" });
  }
  return rows;
}
