import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import type { Worker } from "./fan-out/processes.ts";
import { findProgram, startScript, startWorker } from "./fan-out/processes.ts";
import type { BenchRow } from "./row.ts";

interface Measured {
  readonly perSecond: number;
  /** Deliveries for each second of the server's CPU time: what one core does when nothing else holds it up. */
  readonly perCpuSecond: number;
  /** Share of a core that the load used; near 1, it and not the server was the limit. */
  readonly loadCpu: number;
}

const SERVER_CORE = 0;
const LOAD_CORE = 1;

async function measure(system: "parley" | "ws" | "nats", server: Worker, target: string): Promise<Measured> {
  const load = startScript("load-process.ts", [system, target], LOAD_CORE);
  try {
    await load.nextLine();
    const startMs = performance.now();
    const before = server.cpuSeconds();
    const { perSecond, loadCpu } = JSON.parse(await load.nextLine()) as Pick<
      Measured,
      "perSecond" | "loadCpu"
    >;
    const elapsedS = (performance.now() - startMs) / 1000;
    return { perSecond, loadCpu, perCpuSecond: (perSecond * elapsedS) / (server.cpuSeconds() - before) };
  } finally {
    await load.stop();
    await server.stop();
  }
}

async function measureParley(): Promise<Measured> {
  const server = startScript("relay-process.ts", ["plain"], SERVER_CORE);
  return measure("parley", server, await server.nextLine());
}

async function measureWs(): Promise<Measured> {
  const server = startScript("ws-process.ts", [], SERVER_CORE);
  return measure("ws", server, await server.nextLine());
}

async function measureNats(program: string): Promise<Measured> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  const server = startWorker([program, "-a", "127.0.0.1", "-p", `${port}`, "-l", "/dev/null"], SERVER_CORE);
  await new Promise((resolve) => setTimeout(resolve, 500));
  return measure("nats", server, `${port}`);
}

function rowsOf(name: string, { perSecond, perCpuSecond, loadCpu }: Measured): BenchRow[] {
  return [
    { name: `fan-out, ${name}`, value: Math.round(perSecond), unit: "deliveries/s" },
    { name: `fan-out, ${name}: for each CPU second`, value: Math.round(perCpuSecond), unit: "deliveries" },
    { name: `fan-out, ${name}: load's core`, value: Math.round(loadCpu * 100), unit: "%" },
  ];
}

/** The better of two rounds each, in turns: what disturbs a measurement only ever slows it down. */
async function bestOfTwo(measurements: readonly (() => Promise<Measured>)[]): Promise<readonly Measured[]> {
  const best: Measured[] = [];
  for (let round = 0; round < 2; round++) {
    for (const [index, run] of measurements.entries()) {
      const measured = await run();
      const before = best[index];
      if (!before || measured.perSecond > before.perSecond) best[index] = measured;
    }
  }
  return best;
}

/**
 * Deliveries of 256-byte messages to 100 clients in a room, server and load on a core each. The relay's are authenticated
 * and durable (SQLite, fsync) before they are acknowledged; the peers keep nothing: a plain `ws` loop, and NATS core where
 * `nats-server` is installed.
 */
export async function benchFanOut(): Promise<readonly BenchRow[]> {
  const program = findProgram("nats-server");
  const [relay, ws, nats] = await bestOfTwo([
    measureParley,
    measureWs,
    ...(program ? [() => measureNats(program)] : []),
  ]);
  if (!relay || !ws) throw new Error("nothing was measured");
  const [first, ...details] = rowsOf("relay, durable", relay) as [BenchRow, ...BenchRow[]];
  const row = nats
    ? {
        ...first,
        peer: "NATS core",
        ratio: relay.perSecond / nats.perSecond,
        goal: Math.round(nats.perSecond),
      }
    : { ...first, peer: "plain ws loop", ratio: relay.perSecond / ws.perSecond };
  return [row, ...details, ...rowsOf("plain ws loop", ws), ...(nats ? rowsOf("NATS core", nats) : [])];
}
