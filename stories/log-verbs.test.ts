import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import {
  hashLeaf,
  MerkleTree,
  parseCheckpoint,
  parseNote,
  parseTlogProof,
  verifyInclusion,
} from "@parley/trust/tlog";
import { expect, test } from "vitest";
import { readEnvironment } from "../packages/terminal/src/environment.ts";
import { Streams } from "../packages/terminal/src/streams.ts";
import { runLogCheck, runLogExport, runLogProve, runLogSync } from "../packages/terminal/src/verbs/log.ts";
import { World } from "./world.ts";

function contextOf(folder: string) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const given = { stdin, stdout, stderr } as unknown as ConstructorParameters<typeof Streams>[0];
  const context = {
    folder,
    environment: readEnvironment({ PARLEY_HOME: folder }),
    streams: new Streams(given),
    password: () => Promise.reject(new Error("there is no password")),
    signal: new AbortController().signal,
  };
  let written = "";
  stdout.on("data", (chunk: Buffer) => (written += chunk.toString()));
  const out = () => {
    const text = written;
    written = "";
    return text;
  };
  return { context, out };
}

test("parley log: sync, check, prove, export", async () => {
  await using world = await World.start();
  const ana = await world.person("ana");
  await world.person("bo");
  await world.close(ana);
  const { context, out } = contextOf(ana.folder);
  expect(await runLogSync(context)).toBe(0);
  expect(out()).toMatch(/^127\.0\.0\.1\/parley: 6 entries\nRoot {2}[0-9a-f]{64}\n$/);
  expect(await runLogCheck(context)).toBe(0);
  out();
  await runLogProve(context, "bo");
  const proofs = out()
    .trimEnd()
    .split("%\n")
    .map((text) => parseTlogProof(new TextEncoder().encode(`${text.trimEnd()}\n`)));
  expect(proofs).toHaveLength(2);
  for (const { index, extra = new Uint8Array(), proof, checkpoint } of proofs) {
    const { size, root } = parseCheckpoint(parseNote(checkpoint).text);
    verifyInclusion({ index, size, leaf: hashLeaf(extra), root, proof });
  }
  const file = join(world.folder, "log.jsonl");
  await runLogExport(context, file);
  expect(out()).toBe(`6 entries in ${file}\n`);
  const [head, ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
  const { checkpoint } = JSON.parse(head ?? "") as { checkpoint: string };
  const tree = new MerkleTree();
  for (const line of lines)
    tree.append(hashLeaf(Uint8Array.fromBase64((JSON.parse(line) as { entry: string }).entry)));
  expect(parseCheckpoint(parseNote(new TextEncoder().encode(checkpoint)).text)).toMatchObject({
    size: 6,
    root: tree.rootAt(6),
  });
});
