import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../packages/client/src/connection/clock.ts";
import { enrol } from "../packages/client/src/connection/enrolment.ts";
import { LogReplica } from "../packages/client/src/log/log-replica.ts";
import { SqliteStore } from "../packages/client/src/node/sqlite-store.ts";
import { tlsTransport } from "../packages/client/src/node/tls-transport.ts";
import { openLogKey } from "../packages/server/src/log/log-key.ts";
import type { LoggedEntry } from "../packages/server/src/log/logged-entry.ts";
import { TransparencyLog } from "../packages/server/src/log/transparency-log.ts";
import { startRelay } from "../packages/server/src/relay.ts";
import { encodeChainEntry, handleCommitment, serverCode } from "../packages/trust/src/index.ts";
import type { BenchRow } from "./row.ts";

const ENTRIES = 50_000;
const SYNC_GOAL_S = 3;
const APPENDS = 2_000;
const APPEND_GOAL_PER_S = 500;
const APPEND_GOAL_MS = 5;

/** Chains as they look, with signatures that nobody made: a first sync checks none. */
function makeEntries(count: number): LoggedEntry[] {
  const entries: LoggedEntry[] = [];
  const zeros = new Uint8Array(32);
  const random = (length: number) => new Uint8Array(randomBytes(length));
  for (let n = 0; entries.length < count; n++) {
    const name = `person-${n}`;
    const opening = random(32);
    const genesis = encodeChainEntry({
      type: "account-genesis",
      subject: zeros,
      seq: 0,
      prev: zeros,
      timeMs: 1_000,
      body: {
        rootKey: random(32),
        nextKeyHash: random(32),
        recoveryKeyHash: random(32),
        handle: { commitment: handleCommitment(name, opening), label: zeros },
      },
      signatures: [random(64)],
    });
    const account = new Uint8Array(createHash("sha256").update(genesis).digest());
    const device = encodeChainEntry({
      type: "device-add",
      subject: account,
      seq: 1,
      prev: account,
      timeMs: 1_000,
      body: { by: { kind: "root" }, device: 1, deviceKey: random(32), admin: true, label: "laptop" },
      signatures: [random(64), random(64)],
    });
    entries.push({ entry: genesis, opening: { name, opening } }, { entry: device });
  }
  return entries;
}

async function measureAppends(log: TransparencyLog): Promise<readonly BenchRow[]> {
  const entries = makeEntries(APPENDS);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  for (let i = 0; i < entries.length; i += 20) {
    await Promise.all(entries.slice(i, i + 20).map((entry) => log.append([entry])));
  }
  const perSecond = entries.length / ((performance.now() - startMs) / 1000);
  const { user, system } = process.cpuUsage(cpu);
  const alone = makeEntries(200);
  const cpuAlone = process.cpuUsage();
  for (const entry of alone) await log.append([entry]);
  const spent = process.cpuUsage(cpuAlone);
  return [
    { name: "log: appends, 20 at once", value: Math.round(perSecond), unit: "1/s", goal: APPEND_GOAL_PER_S },
    { name: "log: CPU of each of these", value: (user + system) / 1000 / entries.length, unit: "ms" },
    {
      name: "log: CPU of an append alone, with checkpoint",
      value: (spent.user + spent.system) / 1000 / alone.length,
      unit: "ms",
      goal: APPEND_GOAL_MS,
    },
  ];
}

/** The transparency log: appends at the relay, and the first sync of a client, over TLS and into SQLite. */
export async function benchLogSync(): Promise<readonly BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "parley-bench-"));
  const options = {
    dataFolder: join(folder, "relay"),
    registration: "open" as const,
    onNewIdentity: () => {},
    log: { level: "silent" as const },
  };
  try {
    await (await startRelay(options)).close();
    const key = await openLogKey(options.dataFolder, "127.0.0.1");
    const log = await TransparencyLog.open({ folder: options.dataFolder, key });
    const appends = await measureAppends(log);
    await log.append(makeEntries(ENTRIES - log.size - 2));
    await log.close();

    await using relay = await startRelay(options);
    const nothing = async () => {};
    const { connection } = await enrol({
      transport: tlsTransport,
      clock: systemClock,
      onDelivery: () => {},
      persist: nothing,
      discard: nothing,
      road: { host: `127.0.0.1:${relay.address.port}`, introduction: { typed: serverCode(relay.serverId) } },
      name: "ana",
    });
    const store = new SqliteStore(join(folder, "client.db"));
    const replica = new LogReplica({ store, clock: systemClock });
    const before = process.memoryUsage().rss;
    let peak = before;
    let seen = 0;
    const startMs = performance.now();
    await replica.sync(connection, {
      newest: true,
      onEntry() {
        if (++seen % 2048 === 0) peak = Math.max(peak, process.memoryUsage().rss);
      },
    });
    const syncS = (performance.now() - startMs) / 1000;
    const rootMs = performance.now();
    await replica.rootAt(31_415);
    const row = (name: string, value: number, unit: string) => ({
      name,
      value: Math.round(value * 100) / 100,
      unit,
    });
    const rows: BenchRow[] = [
      ...appends,
      {
        ...row(`log: first sync of ${seen} entries (relay in the same process)`, syncS, "s"),
        goal: SYNC_GOAL_S,
      },
      row("log: memory it took, relay's included", (peak - before) / 2 ** 20, "MiB"),
      row("log: root at an earlier size", performance.now() - rootMs, "ms"),
    ];
    connection.close();
    await connection.ended;
    store.close();
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
