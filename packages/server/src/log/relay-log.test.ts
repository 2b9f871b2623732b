import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeChainEntry, verifyServerChain } from "@parley/trust";
import {
  hashLeaf,
  MerkleTree,
  noteVerifier,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseTlogProof,
  verifyInclusion,
} from "@parley/trust/tlog";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Member, TestRelay } from "../testing/relay-fixture.ts";
import { startTestRelay } from "../testing/relay-fixture.ts";

const ask = ({ client }: Member, from = 0, max = 100) =>
  client.request({ kind: "log-entries", from, max }, "log-entries");

const get = ({ relay }: TestRelay, path: string) => fetch(`http://127.0.0.1:${relay.address.port}${path}`);

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "parley-relay-log-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe("the relay's log", () => {
  it("has the server's chain first, and each account's before its registration is answered", async () => {
    await using relay = await startTestRelay();
    const ana = await relay.member("ana");
    const bo = await relay.member("bo");
    const { checkpoint, entries } = await ask(ana);
    const { meta } = await verifyServerChain(relay.relay.serverChain);
    const opened = await openCheckpoint(checkpoint, [noteVerifier(meta.logKey ?? "")]);
    const expected = [...relay.relay.serverChain, ...ana.account.chain, ...bo.account.chain];
    expect(entries.map(({ entry }) => entry.toHex())).toEqual(expected.map((entry) => entry.toHex()));
    const tree = new MerkleTree();
    for (const entry of expected) tree.append(hashLeaf(entry));
    expect(opened).toMatchObject({ size: 6, root: tree.rootAt(6) });
    expect(entries.map(({ opening }) => opening?.name)).toEqual([
      undefined,
      undefined,
      "ana",
      undefined,
      "bo",
      undefined,
    ]);
    expect((await ask(ana, 4, 1)).entries).toHaveLength(1);
    expect((await ask(ana, 6)).entries).toEqual([]);
  });

  it("greets with its newest checkpoint", async () => {
    await using relay = await startTestRelay();
    const before = await relay.connect();
    expect(parseCheckpoint(parseNote(before.hello.checkpoint).text).size).toBe(2);
    await relay.member("ana");
    const after = await relay.connect();
    expect(parseCheckpoint(parseNote(after.hello.checkpoint).text).size).toBe(4);
  });

  it("gets at the next start what the store has and it lacks, and is otherwise the same", async () => {
    const dataFolder = makeFolder();
    const first = await startTestRelay({ dataFolder });
    await first.member("ana");
    const { checkpoint } = await ask(await first.member("bo"));
    await first[Symbol.asyncDispose]();
    const second = await startTestRelay({ dataFolder });
    expect((await second.connect()).hello.checkpoint).toEqual(checkpoint);
    await second[Symbol.asyncDispose]();

    for (const file of ["log.db", "log.db-wal"]) rmSync(join(dataFolder, file), { force: true });
    await using third = await startTestRelay({ dataFolder });
    expect((await third.connect()).hello.checkpoint).toEqual(checkpoint);
  });

  it("begins at the first start after an update, without a new identity", async () => {
    const dataFolder = makeFolder();
    const first = await startTestRelay({ dataFolder });
    const { serverId } = first.relay;
    await first[Symbol.asyncDispose]();
    const identityFile = join(dataFolder, "identity.json");
    const identity = JSON.parse(readFileSync(identityFile, "utf8")) as { chain: string[] };
    writeFileSync(identityFile, JSON.stringify({ ...identity, chain: identity.chain.slice(0, 1) }));
    for (const file of ["log.db", "log.db-wal", "log-key.json"])
      rmSync(join(dataFolder, file), { force: true });
    await using second = await startTestRelay({ dataFolder });
    expect(second.relay.serverId).toEqual(serverId);
    expect(second.relay.serverChain.map((entry) => decodeChainEntry(entry).type)).toEqual([
      "server-genesis",
      "server-meta",
    ]);
  });

  it("shows everybody checkpoint, tiles and its own chain, and nobody else's entries", async () => {
    await using relay = await startTestRelay();
    await relay.member("ana");
    const checkpoint = await (await get(relay, "/log/checkpoint")).bytes();
    const { size, root } = parseCheckpoint(parseNote(checkpoint).text);
    expect(await (await get(relay, "/log/tile/0/000.p/4")).bytes()).toHaveLength(4 * 32);
    const proofs = (await (await get(relay, "/log/server-chain")).text()).split("%\n");
    expect(proofs).toHaveLength(2);
    for (const [place, text] of proofs.entries()) {
      const { index, extra = new Uint8Array(), proof } = parseTlogProof(new TextEncoder().encode(text));
      expect(extra).toEqual(relay.relay.serverChain[place]);
      verifyInclusion({ index, size, leaf: hashLeaf(extra), root, proof });
    }
    for (const path of ["/log/tile/entries/000.p/4", "/log/tile/0/000.p/5", "/log/", "/log/checkpoint/x"]) {
      expect((await get(relay, path)).status).toBe(404);
    }
  });

  it("is told to nobody who has not logged in", async () => {
    await using relay = await startTestRelay();
    const stranger = await relay.connect();
    await expect(
      stranger.request({ kind: "log-entries", from: 0, max: 1 }, "log-entries"),
    ).rejects.toMatchObject({
      code: "unauthenticated",
    });
  });
});
