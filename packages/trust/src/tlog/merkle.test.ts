import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBase64 } from "./encoding.ts";
import type { ConsistencyClaim, HashReader, InclusionClaim } from "./merkle.ts";
import {
  emptyRoot,
  hashLeaf,
  hashNode,
  proveConsistency,
  proveInclusion,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from "./merkle.ts";
import { MerkleTree } from "./merkle-tree.ts";
import { readVectors } from "./test-vectors.ts";

interface Vectors {
  readonly hashes: {
    readonly emptyRoot: string;
    readonly emptyLeaf: string;
    readonly leaf: { readonly entry: string; readonly hash: string };
  };
  readonly leaves: readonly string[];
  readonly roots: readonly string[];
  readonly counterTree: { readonly roots: Readonly<Record<string, string>> };
  readonly inclusion: readonly {
    readonly index: number;
    readonly size: number;
    readonly leaf: string;
    readonly root: string;
    readonly proof: readonly string[];
    readonly valid: boolean;
    readonly name: string;
  }[];
  readonly consistency: readonly {
    readonly oldSize: number;
    readonly newSize: number;
    readonly oldRoot: string;
    readonly newRoot: string;
    readonly proof: readonly string[];
    readonly valid: boolean;
    readonly name: string;
  }[];
}

const vectors = readVectors<Vectors>("merkle");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const join = (hashes: readonly Uint8Array[]) => hashes.map(hex).join();
const base64 = (text: string) => decodeBase64(text)!;

const LARGEST = 130;
const tree = new MerkleTree();
const leaves = Array.from({ length: LARGEST }, (_, index) => hashLeaf(Uint8Array.of(index)));
for (const leaf of leaves) tree.append(leaf);

// RFC 6962 §2.1 word for word, over the leaves [start, end).
const split = (size: number) => 2 ** (Math.ceil(Math.log2(size)) - 1);
const treeHashes = new Map<number, Uint8Array>();
function treeHash(start: number, end: number): Uint8Array {
  if (end - start <= 1) return end === start ? emptyRoot() : leaves[start]!;
  const key = start * 1000 + end;
  const middle = start + split(end - start);
  const hash = treeHashes.get(key) ?? hashNode(treeHash(start, middle), treeHash(middle, end));
  treeHashes.set(key, hash);
  return hash;
}
function path(m: number, start: number, end: number): Uint8Array[] {
  if (end - start === 1) return [];
  const k = split(end - start);
  return m < k
    ? [...path(m, start, start + k), treeHash(start + k, end)]
    : [...path(m - k, start + k, end), treeHash(start, start + k)];
}
function subproof(m: number, start: number, end: number, isWhole: boolean): Uint8Array[] {
  if (m === end - start) return isWhole ? [] : [treeHash(start, end)];
  const k = split(end - start);
  return m <= k
    ? [...subproof(m, start, start + k, isWhole), treeHash(start + k, end)]
    : [...subproof(m - k, start + k, end, false), treeHash(start, start + k)];
}

const holds = (verify: () => void): boolean => {
  try {
    verify();
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^(proof-mismatch|malformed-proof)$/) });
    return false;
  }
};

describe("the vectors", () => {
  test("of the hashes and of nine small trees come out", async () => {
    const { hashes } = vectors;
    expect(hex(emptyRoot())).toBe(hashes.emptyRoot);
    expect(hex(hashLeaf(new Uint8Array(0)))).toBe(hashes.emptyLeaf);
    expect(hex(hashLeaf(Buffer.from(hashes.leaf.entry, "hex")))).toBe(hashes.leaf.hash);
    const small = new MerkleTree();
    for (const leaf of vectors.leaves) small.append(hashLeaf(Buffer.from(leaf, "hex")));
    for (const [size, root] of vectors.roots.entries()) {
      expect(hex(small.rootAt(size))).toBe(root);
      expect(hex(await treeRoot(size, small))).toBe(root);
    }
  });

  test("of trees up to 70,000 leaves come out", () => {
    const large = new MerkleTree();
    const entry = new DataView(new ArrayBuffer(8));
    for (let index = 0; index < 70_000; index += 1) {
      entry.setBigUint64(0, BigInt(index));
      large.append(hashLeaf(new Uint8Array(entry.buffer)));
    }
    for (const [size, root] of Object.entries(vectors.counterTree.roots)) {
      expect(hex(large.rootAt(Number(size)))).toBe(root);
    }
  });

  test.each(vectors.inclusion)("of inclusion: $name (valid: $valid)", (vector) => {
    const { index, size } = vector;
    const [leaf, root, proof] = [base64(vector.leaf), base64(vector.root), vector.proof.map(base64)];
    expect(holds(() => verifyInclusion({ index, size, leaf, root, proof }))).toBe(vector.valid);
  });

  test.each(vectors.consistency)("of consistency: $name (valid: $valid)", (vector) => {
    const { oldSize, newSize } = vector;
    const [oldRoot, newRoot] = [base64(vector.oldRoot), base64(vector.newRoot)];
    const proof = vector.proof.map(base64);
    expect(holds(() => verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof }))).toBe(vector.valid);
  });
});

describe(`in every tree of up to ${LARGEST} leaves`, () => {
  test("the root is that of the definition", () => {
    for (let size = 0; size <= LARGEST; size += 1) {
      expect(tree.rootAt(size)).toEqual(treeHash(0, size));
    }
  });

  test("each leaf's inclusion proof is that of the definition, and verifies for that leaf and place only", async () => {
    for (let size = 1; size <= LARGEST; size += 1) {
      const root = tree.rootAt(size);
      for (let index = 0; index < size; index += 1) {
        const proof = await proveInclusion(index, size, tree);
        expect(join(proof)).toBe(join(path(index, 0, size)));
        const claim: InclusionClaim = { index, size, leaf: leaves[index]!, root, proof };
        verifyInclusion(claim);
        for (const wrong of [
          { index: index + 1 },
          { index: index - 1 },
          { leaf: leaves[(index + 1) % LARGEST]! },
        ]) {
          expect(holds(() => verifyInclusion({ ...claim, ...wrong }))).toBe(false);
        }
      }
    }
  });

  test("each pair's consistency proof is that of the definition, and verifies for these roots only", async () => {
    for (let newSize = 0; newSize <= LARGEST; newSize += 1) {
      const newRoot = tree.rootAt(newSize);
      for (let oldSize = 0; oldSize <= newSize; oldSize += 1) {
        const proof = await proveConsistency(oldSize, newSize, tree);
        expect(join(proof)).toBe(oldSize === 0 ? "" : join(subproof(oldSize, 0, newSize, true)));
        const claim: ConsistencyClaim = { oldSize, oldRoot: tree.rootAt(oldSize), newSize, newRoot, proof };
        verifyConsistency(claim);
        expect(holds(() => verifyConsistency({ ...claim, oldRoot: leaves[1]! }))).toBe(false);
        // From size 0 the proof is empty and any tree follows.
        if (oldSize > 0)
          expect(holds(() => verifyConsistency({ ...claim, newRoot: leaves[1]! }))).toBe(false);
      }
    }
  });
});

describe("a proof that was tampered with", () => {
  const size = fc.integer({ min: 2, max: LARGEST });
  const tamper = fc.record({
    place: fc.nat(),
    bit: fc.nat(255),
    way: fc.constantFrom("flip", "drop", "repeat", "append", "swap" as const),
  });
  type Tamper = typeof tamper extends fc.Arbitrary<infer T> ? T : never;
  const apply = (proof: readonly Uint8Array[], { place, bit, way }: Tamper): Uint8Array[] => {
    const copy = proof.map((hash) => hash.slice());
    const at = place % copy.length;
    const hash = copy[at]!;
    if (way === "flip") hash[bit >> 3]! ^= 1 << (bit & 7);
    if (way === "drop") copy.splice(at, 1);
    if (way === "repeat") copy.splice(at, 0, hash);
    if (way === "append") copy.push(hash);
    if (way === "swap") copy.push(...copy.splice(0, 1));
    return copy;
  };

  test("does not verify inclusion", async () => {
    await fc.assert(
      fc.asyncProperty(size, fc.nat(), tamper, async (treeSize, place, change) => {
        const index = place % treeSize;
        const good = await proveInclusion(index, treeSize, tree);
        const proof = apply(good, change);
        fc.pre(join(good) !== join(proof));
        const claim = { index, size: treeSize, leaf: leaves[index]!, root: tree.rootAt(treeSize), proof };
        expect(holds(() => verifyInclusion(claim))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test("does not verify consistency", async () => {
    await fc.assert(
      fc.asyncProperty(size, fc.nat(), tamper, async (newSize, place, change) => {
        const oldSize = 1 + (place % (newSize - 1));
        const good = await proveConsistency(oldSize, newSize, tree);
        const proof = apply(good, change);
        fc.pre(join(good) !== join(proof));
        const [oldRoot, newRoot] = [tree.rootAt(oldSize), tree.rootAt(newSize)];
        expect(holds(() => verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof }))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("sizes beyond 32 bits", () => {
  // A tree whose leaves are all alike has one hash per level, so any size can be read.
  const levels = [hashLeaf(new Uint8Array(0))];
  while (levels.length < 54) levels.push(hashNode(levels.at(-1)!, levels.at(-1)!));
  const uniform: HashReader = { readHashes: async (nodes) => nodes.map(({ level }) => levels[level]!) };

  test("prove and verify up to 2^53 - 1", async () => {
    const large = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    await fc.assert(
      fc.asyncProperty(large, large, async (a, b) => {
        const [oldSize, newSize] = [Math.min(a, b), Math.max(a, b)];
        const [oldRoot, newRoot] = await Promise.all([
          treeRoot(oldSize, uniform),
          treeRoot(newSize, uniform),
        ]);
        const proof = await proveConsistency(oldSize, newSize, uniform);
        verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof });
        const inclusion = await proveInclusion(oldSize - 1, newSize, uniform);
        verifyInclusion({
          index: oldSize - 1,
          size: newSize,
          leaf: levels[0]!,
          root: newRoot,
          proof: inclusion,
        });
      }),
      { numRuns: 300 },
    );
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53])("are refused as %d", async (size) => {
    await expect(treeRoot(size, uniform)).rejects.toMatchObject({ code: "out-of-range" });
    await expect(proveInclusion(0, size, uniform)).rejects.toMatchObject({ code: "out-of-range" });
    await expect(proveConsistency(0, size, uniform)).rejects.toMatchObject({ code: "out-of-range" });
    const [leaf, root] = [levels[0]!, levels[0]!];
    expect(holds(() => verifyInclusion({ index: 0, size, leaf, root, proof: [] }))).toBe(false);
    const claim = { oldSize: size, oldRoot: root, newSize: size, newRoot: root, proof: [] };
    expect(holds(() => verifyConsistency(claim))).toBe(false);
  });
});
