import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startRelay } from "@parley/server";
import {
  cosignatureVerifier,
  formatAddCheckpointRequest,
  generateKey,
  hashLeaf,
  MerkleTree,
  noteSigner,
  noteVerifier,
  openCheckpoint,
  parseAddCheckpointResponse,
  parseCheckpoint,
  parseNote,
  proveConsistency,
  SIGNATURE_TYPE_ED25519,
  signCheckpoint,
} from "@parley/trust/tlog";
import { expect, onTestFinished, test } from "vitest";
import { addLog, initWitness } from "../packages/terminal/src/witness/witness-folder.ts";

const PROGRAM = join(import.meta.dirname, "../packages/terminal/bin/parley.js");
const RACES = 100;
const KILLS = 8;

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "parley-witness-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** `parley witness run` in a process of its own. */
async function runWitness(folder: string): Promise<{ readonly url: string; readonly process: ChildProcess }> {
  const args = [PROGRAM, "witness", "run", "--data", folder, "--listen", "127.0.0.1:0"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { url: line.replace("Witness at ", ""), process: child };
}

/** A log that can fork: its trees are whatever it likes, its signature is good. */
async function makeLog() {
  const { vkey, skey } = await generateKey({ name: "evil.example/log", type: SIGNATURE_TYPE_ED25519 });
  const signer = await noteSigner(skey.reveal());
  /** A tree of `size` leaves; those from number `from` on are of the given branch. */
  const tree = (size: number, branch: (number: number) => string) => {
    const grown = new MerkleTree();
    for (let n = 0; n < size; n++) grown.append(hashLeaf(Buffer.from(`${n} ${branch(n)}`)));
    return grown;
  };
  const request = async (oldSize: number, grown: MerkleTree) =>
    formatAddCheckpointRequest({
      oldSize,
      proof: await proveConsistency(oldSize, grown.size, grown),
      checkpoint: await signCheckpoint(
        { origin: signer.name, size: grown.size, root: grown.rootAt(grown.size) },
        [signer],
      ),
    });
  return { vkey, tree, request };
}

async function post(url: string, body: Uint8Array) {
  const response = await fetch(`${url}add-checkpoint`, { method: "POST", body: new Uint8Array(body) });
  return parseAddCheckpointResponse({
    status: response.status,
    contentType: response.headers.get("content-type") ?? "",
    body: await response.bytes(),
  });
}

test("T15: of two histories that race, a witness cosigns one, and goes on with that one", async () => {
  const folder = makeFolder();
  await initWitness(folder, "ana.example/w");
  const log = await makeLog();
  await addLog(folder, log.vkey);
  const { url } = await runWitness(folder);
  const winners: string[] = [];
  for (let round = 0; round < RACES; round++) {
    const branches = ["left", "right"].map((side) => {
      const branch = (n: number) => winners[n] ?? side;
      return { side, grown: log.tree(round + 1, branch) };
    });
    const bodies = await Promise.all(branches.map(({ grown }) => log.request(round, grown)));
    const answers = await Promise.all(bodies.map((body) => post(url, body)));
    const cosigned = branches.filter((_, i) => answers[i]?.kind === "cosigned");
    expect(cosigned).toHaveLength(1);
    expect(answers.find(({ kind }) => kind !== "cosigned")).toEqual({ kind: "conflict", size: round + 1 });
    winners.push(cosigned[0]?.side ?? "");
  }
});

test("T15: killed at any moment, a witness never goes back nor cosigns another history", async () => {
  const folder = makeFolder();
  await initWitness(folder, "ana.example/w");
  const log = await makeLog();
  await addLog(folder, log.vkey);
  let answeredSize = 0;
  for (let round = 0; round < KILLS; round++) {
    const { url, process: child } = await runWitness(folder);
    const present = await post(
      url,
      await log.request(
        0,
        log.tree(1, () => "evil"),
      ),
    );
    const size = present.kind === "conflict" ? present.size : 1;
    if (round > 0) expect(size).toBeGreaterThanOrEqual(answeredSize);
    const branch = (n: number) => (n < 1 ? "evil" : "main");
    const sent = post(url, await log.request(size, log.tree(size + 1, branch))).then(
      ({ kind }) => kind === "cosigned",
      () => false,
    );
    // Between the arrival of the request and its answer, a little later each time.
    for (let turn = 0; turn < round * 4; turn++) await new Promise(setImmediate);
    child.kill("SIGKILL");
    await once(child, "exit");
    if (await sent) answeredSize = size + 1;
    else answeredSize = Math.max(answeredSize, size);
  }
  const { url } = await runWitness(folder);
  const other = await post(
    url,
    await log.request(
      0,
      log.tree(answeredSize + 5, () => "other"),
    ),
  );
  expect(other.kind).toBe("conflict");
  const size = other.kind === "conflict" ? other.size : 0;
  const fork = await post(
    url,
    await log.request(
      size,
      log.tree(size + 1, () => "other"),
    ),
  );
  expect(fork).toEqual({ kind: "refused", status: 422 });
});

test("a relay has its checkpoints cosigned by its witness", async () => {
  const [folder, dataFolder] = [makeFolder(), makeFolder()];
  const vkey = await initWitness(folder, "ana.example/w");
  const { url } = await runWitness(folder);
  const options = {
    dataFolder,
    onNewIdentity: () => undefined,
    log: { level: "silent" },
    tls: { kind: "off" },
  } as const;
  const first = await startRelay(options);
  const { logKey } = first;
  await first.close();
  await addLog(folder, logKey);
  await using relay = await startRelay({ ...options, witnesses: [{ vkey, url }] });
  const checkpointUrl = `http://127.0.0.1:${relay.address.port}/log/checkpoint`;
  const verifiers = [noteVerifier(logKey), cosignatureVerifier(vkey)];
  await expect
    .poll(async () => {
      const note = await (await fetch(checkpointUrl)).bytes();
      return (await openCheckpoint(note, verifiers)).note.verified.map(({ name }) => name);
    })
    .toEqual(["127.0.0.1/parley", "ana.example/w"]);
  const note = await (await fetch(checkpointUrl)).bytes();
  expect(parseCheckpoint(parseNote(note).text).size).toBe(2);
});
