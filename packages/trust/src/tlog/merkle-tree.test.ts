import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NodeId } from "./merkle.ts";
import { coveringNodes, emptyRoot, hashLeaf } from "./merkle.ts";
import { CompactTree, MerkleTree } from "./merkle-tree.ts";

const leaf = (index: number) => hashLeaf(Uint8Array.of(index >> 8, index & 0xff));

describe("a compact tree", () => {
  test("has the full tree's root and edge after each leaf", async () => {
    const [compact, full] = [new CompactTree(), new MerkleTree()];
    for (let size = 0; size < 600; size += 1) {
      expect(compact.root).toEqual(full.rootAt(size));
      expect(compact.edge).toEqual(await full.readHashes(coveringNodes(0, size)));
      compact.append(leaf(size));
      full.append(leaf(size));
    }
  });

  test("tells of each complete node once, with its hash", async () => {
    const [compact, full] = [new CompactTree(), new MerkleTree()];
    const told = new Map<string, [NodeId, Uint8Array]>();
    for (let index = 0; index < 300; index += 1) {
      full.append(leaf(index));
      compact.append(leaf(index), (node, hash) => {
        const key = `${node.level}/${node.index}`;
        expect(told.has(key)).toBe(false);
        told.set(key, [node, hash]);
      });
    }
    const nodes = [...told.values()];
    expect(nodes.map(([, hash]) => hash)).toEqual(await full.readHashes(nodes.map(([node]) => node)));
    expect(nodes.length).toBe(300 + 150 + 75 + 37 + 18 + 9 + 4 + 2 + 1);
  });

  test("resumes from any stored edge", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), (before, after) => {
        const whole = new CompactTree();
        for (let index = 0; index < before; index += 1) whole.append(leaf(index));
        const resumed = new CompactTree(whole.size, whole.edge);
        for (let index = before; index < before + after; index += 1) {
          whole.append(leaf(index));
          resumed.append(leaf(index));
        }
        expect([resumed.size, resumed.root]).toEqual([whole.size, whole.root]);
      }),
    );
  });

  test("refuses an edge that does not fit", () => {
    for (const [size, edge] of [
      [1, []],
      [3, [leaf(0)]],
      [-1, []],
      [1, [new Uint8Array(31)]],
    ] as const) {
      expect(() => new CompactTree(size, edge)).toThrow(expect.objectContaining({ code: "out-of-range" }));
    }
    expect(() => new CompactTree().append(new Uint8Array(31))).toThrow("32 bytes");
  });
});

describe("a full tree", () => {
  test("knows no root and no node beyond its size", async () => {
    const tree = new MerkleTree();
    expect(tree.rootAt(0)).toEqual(emptyRoot());
    for (let index = 0; index < 3; index += 1) tree.append(leaf(index));
    for (const size of [4, -1, 1.5]) expect(() => tree.rootAt(size)).toThrow("size");
    for (const node of [
      { level: 0, index: 3 },
      { level: 1, index: 1 },
      { level: 2, index: 0 },
    ]) {
      await expect(tree.readHashes([node])).rejects.toMatchObject({ code: "out-of-range" });
    }
  });

  test("keeps its hashes when a reader writes into what it got", () => {
    const tree = new MerkleTree();
    tree.append(leaf(0));
    tree.rootAt(1).fill(0);
    expect(tree.rootAt(1)).toEqual(leaf(0));
  });
});
