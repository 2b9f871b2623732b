import type { Worker } from "./fan-out/processes.ts";
import { startBundle, startScript } from "./fan-out/processes.ts";
import type { BenchRow } from "./row.ts";

const RELAY_CORE = 0;
const CLIENT_CORE = 1;
const KB = 1000;
const MB = 1000 * KB;
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
export async function benchIdleConnections({
  plain = 10_000,
  tls = 2000,
} = {}): Promise<readonly BenchRow[]> {
  const bare = await measure("plain", plain);
  const secure = await measure("tls", tls);
  const kilobytes = (bytes: number) => Math.round((bytes / KB) * 10) / 10;
  return [
    { name: "idle relay", value: Math.round(secure.idleBytes / MB), unit: "MB", goal: 100 },
    { name: `idle connection, plain, ${plain}`, value: kilobytes(bare.eachBytes), unit: "KB", goal: 20 },
    { name: `idle connection, TLS, ${tls}`, value: kilobytes(secure.eachBytes), unit: "KB", goal: 45 },
  ];
}
