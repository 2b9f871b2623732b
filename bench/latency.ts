import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { BenchPerson } from "./room/bench-person.ts";
import { BenchRelay } from "./room/bench-relay.ts";
import type { BenchRow } from "./row.ts";

const SECONDS = 8;
/** Messages of this time, at the start, are not counted. */
const WARM_UP_SECONDS = 2;
const LOAD_CONNECTIONS = 10;

interface Offer {
  readonly senders: number;
  /** Of all senders together; real clients in one process, which encrypt, store and read everything. */
  readonly perSecond: number;
  /** Of the load in other rooms: ciphertext that no client reads. */
  readonly loadPerSecond: number;
}

/**
 * From `Chat.send` at one client to the timeline of another: loopback TLS, encryption, the relay's fsync and both clients'.
 * Relay, senders, load and reader have a process each, on the machine's two cores.
 */
export async function benchLatency(): Promise<readonly BenchRow[]> {
  const quiet = await measure({ senders: 4, perSecond: 100, loadPerSecond: 0 });
  const loaded = await measure({ senders: 1, perSecond: 50, loadPerSecond: 950 });
  return [
    { name: "send → shown, a room with 100 msg/s: p50", value: quiet.p50Ms, unit: "ms" },
    { name: "send → shown, a room with 100 msg/s: p99", value: quiet.p99Ms, unit: "ms" },
    { name: "send → shown, relay with 1,000 msg/s: p50", value: loaded.p50Ms, unit: "ms", goal: 5 },
    { name: "send → shown, relay with 1,000 msg/s: p99", value: loaded.p99Ms, unit: "ms", goal: 25 },
    { name: "the load's part, acknowledged", value: Math.round(loaded.loadPerSecond), unit: "msg/s" },
  ];
}

async function measure({ senders: people, perSecond, loadPerSecond }: Offer) {
  await using relay = await BenchRelay.start();
  await using reader = await BenchPerson.arrive(relay.host, "reader");
  const program = (name: string) => join(import.meta.dirname, "room", name);
  const senders = fork(program("senders-process.ts"), [
    relay.host,
    `${people}`,
    `${perSecond / people}`,
    `${SECONDS}`,
  ]);
  const [names] = (await once(senders, "message")) as [string[]];
  const room = await reader.chat.createRoom("bench");
  await reader.chat.invite(room, names);
  await once(senders, "message");
  const load = fork(program("load-process.ts"), [relay.host, `${LOAD_CONNECTIONS}`, `${loadPerSecond}`]);
  await once(load, "message");

  const latenciesMs: number[] = [];
  const finished = Promise.withResolvers<void>();
  let seen = 0;
  let firstMs = Number.POSITIVE_INFINITY;
  let last = "";
  const stop = reader.chat.subscribeTimeline(room, () => {
    const nowMs = performance.timeOrigin + performance.now();
    for (const item of reader.chat.timeline(room, { limit: 200 }).items) {
      if (item.id <= last) continue;
      last = item.id;
      if (item.kind !== "message") continue;
      const sentMs = Number(item.text);
      firstMs = Math.min(firstMs, sentMs);
      if (sentMs - firstMs > WARM_UP_SECONDS * 1000) latenciesMs.push(nowMs - sentMs);
      if (++seen === perSecond * SECONDS) finished.resolve();
    }
  });
  const done = once(senders, "message");
  senders.send("go");
  await done;
  await finished.promise;
  stop();
  load.send("end");
  const [reached] = (await once(load, "message")) as [{ perSecond: number }];
  senders.send("end");
  await Promise.all([once(senders, "exit"), once(load, "exit")]);
  const sorted = latenciesMs.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99), loadPerSecond: reached.perSecond };
}
