import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { signCheckpoint } from "./checkpoint.ts";
import { encodeUtf8 } from "./encoding.ts";
import {
  buildForkEvidence,
  formatForkEvidence,
  parseForkEvidence,
  verifyForkEvidence,
} from "./fork-evidence.ts";
import { hashLeaf } from "./merkle.ts";
import { MerkleTree } from "./merkle-tree.ts";
import { generateKey, noteSigner } from "./note-key.ts";
import { readVectors } from "./test-vectors.ts";

interface Vectors {
  readonly vkey: string;
  readonly otherVkey: string;
  readonly valid: readonly {
    readonly name: string;
    readonly evidence: string;
    readonly smaller: number;
    readonly larger: number;
  }[];
  readonly invalid: readonly { readonly name: string; readonly evidence: string; readonly error: string }[];
}

const vectors = readVectors<Vectors>("fork-evidence");
const script = fileURLToPath(new URL("../../../../scripts/verify-fork-evidence.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "fork-evidence-"));
afterAll(() => rmSync(folder, { recursive: true }));

function runScript(evidence: Uint8Array | string, vkey: string) {
  const file = join(folder, "evidence");
  writeFileSync(file, evidence);
  return spawnSync(process.execPath, [script, file, vkey], { encoding: "utf8" });
}

describe("evidence of a fork", () => {
  test.each(vectors.valid)("verifies: $name", async ({ evidence, smaller, larger }) => {
    const fork = await verifyForkEvidence(encodeUtf8(evidence), vectors.vkey);
    expect([fork.smaller.size, fork.larger.size]).toEqual([smaller, larger]);
    expect(fork.root).not.toEqual(fork.smaller.root);
  });

  test.each(vectors.valid)("prints back: $name", ({ evidence }) => {
    expect(formatForkEvidence(parseForkEvidence(encodeUtf8(evidence)))).toEqual(encodeUtf8(evidence));
  });

  test.each(vectors.invalid)("is refused: $name ($error)", async ({ evidence, error }) => {
    const verified = verifyForkEvidence(encodeUtf8(evidence), vectors.vkey);
    await expect(verified).rejects.toMatchObject({ code: error });
  });

  test("against one log says nothing about another", async () => {
    const verified = verifyForkEvidence(encodeUtf8(vectors.valid[0]!.evidence), vectors.otherVkey);
    await expect(verified).rejects.toMatchObject({ code: "unknown-log" });
  });
});

describe("the script that checks it without this code", () => {
  test("has at most 40 lines and imports Node's own modules only", () => {
    const source = readFileSync(script, "utf8");
    expect(source.split("\n").length - 1).toBeLessThanOrEqual(40);
    expect([...source.matchAll(/(?:import|require)\b[^"]*"([^"]+)"/g)].map(([, module]) => module)).toEqual([
      "node:crypto",
      "node:fs",
    ]);
  });

  test.each(vectors.valid)("agrees: $name", ({ evidence, smaller }) => {
    const { status, stdout } = runScript(evidence, vectors.vkey);
    expect([status, stdout]).toEqual([0, `Forked at size ${smaller}: log.example/parley\n`]);
  });

  test.each(vectors.invalid)("refuses: $name", ({ evidence }) => {
    const { status, stdout, stderr } = runScript(evidence, vectors.vkey);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).not.toBe("");
  });

  test("refuses evidence against another log", () => {
    expect(runScript(vectors.valid[0]!.evidence, vectors.otherVkey).status).toBe(1);
  });
});

describe("two clients that were shown different trees", async () => {
  const { vkey, skey } = await generateKey({ name: "log.example/parley", type: 1 });
  const signer = await noteSigner(skey.reveal());
  const grow = (name: string, size: number) => {
    const tree = new MerkleTree();
    for (let index = 0; index < size; index += 1) {
      tree.append(hashLeaf(encodeUtf8(index < 20 ? `${index}` : `${name} ${index}`)));
    }
    return tree;
  };
  const [alice, bob] = [grow("alice", 40), grow("bob", 70)];
  const noteOf = (tree: MerkleTree, size: number) =>
    signCheckpoint({ origin: "log.example/parley", size, root: tree.rootAt(size) }, [signer]);

  test("prove it to anyone, from either side, at every pair of sizes where they differ", async () => {
    for (const [size, otherSize] of [
      [21, 21],
      [21, 70],
      [32, 33],
      [40, 64],
      [40, 70],
    ] as const) {
      const notes = [await noteOf(alice, size), await noteOf(bob, otherSize)] as const;
      const evidence = await buildForkEvidence({ log: vkey, checkpoints: notes, tree: bob });
      const swapped = await buildForkEvidence({ log: vkey, checkpoints: [notes[1], notes[0]], tree: bob });
      for (const bytes of [evidence, swapped]) {
        const fork = await verifyForkEvidence(bytes, vkey);
        expect([fork.smaller.size, fork.larger.size]).toEqual([size, otherSize]);
        expect(fork.root).not.toEqual(fork.smaller.root);
        expect(runScript(bytes, vkey).status).toBe(0);
        expect(bytes.length).toBeLessThan(2048);
      }
    }
  });

  test("prove nothing while their trees are alike, and nothing from a tree that is not the log's", async () => {
    const alike = [await noteOf(alice, 20), await noteOf(bob, 50)] as const;
    const built = buildForkEvidence({ log: vkey, checkpoints: alike, tree: bob });
    await expect(built).rejects.toMatchObject({ code: "not-a-fork" });
    const framed = buildForkEvidence({ log: vkey, checkpoints: alike, tree: grow("mallory", 70) });
    await expect(framed).rejects.toMatchObject({ code: "proof-mismatch" });
  });
});
