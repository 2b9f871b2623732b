import type { Worker } from "./fan-out/processes.ts";
import { startBundle, startScript } from "./fan-out/processes.ts";

/** One figure; `goal` where the design names one. */
interface IdleRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal?: number;
}

const RELAY_CORE = 0;
const CLIENT_CORE = 1;
const KIB = 1024;
const MIB = 1024 * KIB;
/** Connections opened before counting, so that code and pools are warm. */
const WARM_UP = 500;

async function ask(worker: Worker, line: string): Promise<string> {
  worker.child.stdin?.write(`${line}\n`);
  return worker.nextLine();
}

async function measure(
  mode: "plain" | "tls",
  count: number,
): Promise<{ idleBytes: number; eachBytes: number }> {
  const relay = startBundle("relay-process.ts", [mode], RELAY_CORE);
  const url = await relay.nextLine();
  const clients = startScript("idle-process.ts", [url], CLIENT_CORE);
  try {
    const idleBytes = Number(await ask(relay, "memory"));
    await clients.nextLine();
    await ask(clients, `${WARM_UP}`);
    const before = Number(await ask(relay, "memory"));
    await ask(clients, `${count}`);
    const after = Number(await ask(relay, "memory"));
    return { idleBytes, eachBytes: (after - before) / count };
  } finally {
    await clients.stop();
    await relay.stop();
  }
}

/**
 * Memory of a relay process (resident set): with nobody connected, and for each connection that has logged in, listens to
 * a room and its inbox, and is silent.
 */
export async function benchIdleConnections({ plain = 10_000, tls = 2000 } = {}): Promise<readonly IdleRow[]> {
  const bare = await measure("plain", plain);
  const secure = await measure("tls", tls);
  const kib = (bytes: number) => Math.round((bytes / KIB) * 10) / 10;
  return [
    { name: "idle relay", value: Math.round(secure.idleBytes / MIB), unit: "MiB", goal: 100 },
    { name: `idle connection, plain, ${plain}`, value: kib(bare.eachBytes), unit: "KiB", goal: 20 },
    { name: `idle connection, TLS, ${tls}`, value: kib(secure.eachBytes), unit: "KiB", goal: 45 },
  ];
}
