import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAccount } from "@parley/trust";
import {
  formatTilePath,
  hashLeaf,
  MerkleTree,
  newTiles,
  noteVerifier,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  proveConsistency,
  TileReader,
  verifyConsistency,
} from "@parley/trust/tlog";
import { describe, expect, it, onTestFinished } from "vitest";
import { openLogKey } from "./log-key.ts";
import { logHttpPage } from "./log-pages.ts";
import type { LoggedEntry } from "./logged-entry.ts";
import { loggedChain } from "./logged-entry.ts";
import { TransparencyLog } from "./transparency-log.ts";

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "parley-log-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function open(folder = makeFolder()) {
  const key = await openLogKey(folder, "chat.example.org");
  const log = await TransparencyLog.open({ folder, key });
  return { folder, key, log };
}

async function accounts(count: number): Promise<LoggedEntry[]> {
  const made = Array.from({ length: count }, async (_, i) => {
    const name = `person-${i}`;
    const { chain, nameOpening } = await createAccount({ name, nowMs: 1_000 });
    return loggedChain({ chain, name, nameOpening });
  });
  return (await Promise.all(made)).flat();
}

describe("the transparency log", () => {
  it("signs a checkpoint over exactly what was appended, in that order", async () => {
    const { log, key } = await open();
    const entries = await accounts(300);
    await Promise.all([log.append(entries.slice(0, 3)), log.append(entries.slice(3, 100))]);
    await log.append(entries);
    const tree = new MerkleTree();
    for (const { entry } of entries) tree.append(hashLeaf(entry));
    const checkpoint = await openCheckpoint(log.checkpoint, [noteVerifier(key.vkey)]);
    expect(checkpoint).toMatchObject({ origin: "chat.example.org/parley", size: 600 });
    expect(checkpoint.root).toEqual(tree.rootAt(600));
    const read = log.read(598, 10);
    expect(read.entries.map(({ entry }) => entry.toHex())).toEqual(
      entries.slice(598).map(({ entry }) => entry.toHex()),
    );
    expect(log.read(0, 1).entries[0]?.opening?.name).toBe("person-0");
    await log.close();
  });

  it("is the same after it was closed and opened", async () => {
    const first = await open();
    await first.log.append(await accounts(150));
    const { checkpoint } = first.log;
    await first.log.close();
    const { log } = await open(first.folder);
    expect(log.checkpoint).toEqual(checkpoint);
    const more = await accounts(200);
    await log.append(more);
    const before = parseCheckpoint(parseNote(checkpoint).text);
    const after = parseCheckpoint(parseNote(log.checkpoint).text);
    const proof = await proveConsistency(300, 700, log);
    verifyConsistency({ oldSize: 300, oldRoot: before.root, newSize: 700, newRoot: after.root, proof });
    await log.close();
  });

  it("keeps the cosignatures of witnesses that answer at the same time", async () => {
    const { log } = await open();
    await log.append(await accounts(1));
    const view = parseCheckpoint(parseNote(log.checkpoint).text);
    const line = (name: string) => new TextEncoder().encode(`\u2014 ${name} AAAAAAA=\n`);
    const cosign = (name: string) =>
      log.cosign(view, async (note) => Uint8Array.from([...note, ...line(name)]));
    await Promise.all([cosign("ana.example/w"), cosign("bo.example/w")]);
    const { signatures } = parseNote(log.checkpoint);
    expect(signatures.map(({ name }) => name)).toEqual([log.key.origin, "ana.example/w", "bo.example/w"]);
    await log.close();
  });

  it("serves tiles that lead to its root, and no entries", async () => {
    const { log } = await open();
    const entries = await accounts(300);
    await log.append(entries);
    const { root, size } = parseCheckpoint(parseNote(log.checkpoint).text);
    const get = (path: string) => logHttpPage(log, `/log/${path}`);
    const reader = new TileReader({
      size,
      root,
      fetchTile: async (tile) => (await get(formatTilePath(tile)))?.body,
    });
    for (const tile of newTiles(0, size)) expect(await reader.readTile(tile)).toHaveLength(32 * tile.width);
    expect(await get("tile/entries/000")).toBeUndefined();
    expect(await get("tile/0/009")).toBeUndefined();
    expect((await get("checkpoint"))?.body).toEqual(log.checkpoint);
    await log.close();
  });

  it("keeps its key and its file for its owner alone", async () => {
    const { folder, log } = await open();
    for (const file of ["log.db", "log-key.json"]) expect(statSync(join(folder, file)).mode & 0o077).toBe(0);
    await log.close();
  });

  it("takes 500 entries a second, each within 5 ms of CPU, with a checkpoint", async () => {
    const { log } = await open();
    const chains = (await accounts(200)).map((entry) => [entry]);
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    await Promise.all(chains.map((chain) => log.append(chain)));
    const perSecond = chains.length / ((performance.now() - startMs) / 1000);
    const { user, system } = process.cpuUsage(cpu);
    expect(log.size).toBe(400);
    expect(perSecond).toBeGreaterThan(500);
    expect((user + system) / 1000 / chains.length).toBeLessThan(5);
    await log.close();
  });
});
