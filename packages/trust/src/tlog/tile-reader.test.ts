import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyRoot, hashLeaf, proveConsistency, proveInclusion, treeRoot } from "./merkle.ts";
import { MerkleTree } from "./merkle-tree.ts";
import type { FetchTile } from "./tile-reader.ts";
import { TileReader } from "./tile-reader.ts";
import type { Tile } from "./tiles.ts";
import { formatTilePath, newTiles, readTile } from "./tiles.ts";

const SIZES = [1, 2, 255, 256, 257, 511, 512, 600, 65_535, 65_536, 65_793, 70_000];
const tree = new MerkleTree();
for (let index = 0; index < 70_000; index += 1) {
  tree.append(hashLeaf(Uint8Array.of(index >> 16, (index >> 8) & 0xff, index & 0xff)));
}
const honest: FetchTile = (tile) => readTile(tile, tree);
const readerOf = (size: number, fetchTile: FetchTile = honest) =>
  new TileReader({ size, root: tree.rootAt(size), fetchTile });

describe("reading through tiles", () => {
  test.each(SIZES)("gives the proofs of a tree of %d leaves", async (size) => {
    const reader = readerOf(size);
    for (const index of [0, size >> 1, size - 1]) {
      expect(await proveInclusion(index, size, reader)).toEqual(await proveInclusion(index, size, tree));
    }
    for (const oldSize of [1, (size >> 1) + 1, size]) {
      expect(await proveConsistency(oldSize, size, reader)).toEqual(
        await proveConsistency(oldSize, size, tree),
      );
      expect(await treeRoot(oldSize, reader)).toEqual(tree.rootAt(oldSize));
    }
  });

  test("fetches each tile once, also for calls at the same time, and few of them", async () => {
    const fetched: string[] = [];
    const reader = readerOf(70_000, (tile) => {
      fetched.push(formatTilePath(tile));
      return honest(tile);
    });
    await Promise.all([1, 2, 3, 69_999].map((index) => proveInclusion(index, 70_000, reader)));
    expect(fetched.toSorted()).toEqual([
      "tile/0/000",
      "tile/0/273.p/112",
      "tile/1/000",
      "tile/1/001.p/17",
      "tile/2/000.p/1",
    ]);
  });

  test("takes a full tile where the partial one is gone", async () => {
    const reader = readerOf(600, async (tile) =>
      tile.width < 256 && tile.level === 0 ? undefined : honest(tile),
    );
    expect(await proveInclusion(599, 600, reader)).toEqual(await proveInclusion(599, 600, tree));
  });

  test("fails with a path when a tile is missing, and works once it is there", async () => {
    let isServed = false;
    const reader = readerOf(70_000, async (tile) =>
      isServed || tile.level !== 0 ? honest(tile) : undefined,
    );
    await expect(proveInclusion(5, 70_000, reader)).rejects.toMatchObject({
      code: "missing-tile",
      retryable: true,
      fields: { path: expect.stringMatching(/^tile\/0\//) },
    });
    isServed = true;
    expect(await proveInclusion(5, 70_000, reader)).toEqual(await proveInclusion(5, 70_000, tree));
  });

  test("refuses a tile of the wrong length", async () => {
    const reader = readerOf(600, async (tile) => (await honest(tile))?.slice(1));
    await expect(treeRoot(600, reader)).rejects.toMatchObject({ code: "malformed-tile" });
  });

  test("gives no hash, and asks for no tile, outside the tree", async () => {
    const reader = readerOf(600);
    for (const tile of [
      { level: 0, index: 3, width: 5 },
      { level: 0, index: 2, width: 87 },
      { level: 0, index: 2, width: 89 },
      { level: 0, index: 2, width: 256 },
      { level: 1, index: 0, width: 3 },
      { level: 2, index: 0, width: 1 },
    ]) {
      await expect(reader.readTile(tile)).rejects.toMatchObject({ code: "out-of-range" });
    }
    await expect(reader.readHashes([{ level: 0, index: 600 }])).rejects.toMatchObject({
      code: "out-of-range",
    });
  });

  test("of an empty tree fetches nothing", async () => {
    const fetchTile: FetchTile = () => Promise.reject(new Error("fetched"));
    const reader = new TileReader({ size: 0, root: emptyRoot(), fetchTile });
    expect(await treeRoot(0, reader)).toEqual(emptyRoot());
    await expect(reader.readHashes([{ level: 0, index: 0 }])).rejects.toMatchObject({ code: "out-of-range" });
  });
});

test("one wrong bit in any tile of a tree is never believed", async () => {
  const tilesOf = new Map(SIZES.map((size) => [size, [...newTiles(0, size)]]));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...SIZES), fc.nat(), fc.nat(), async (size, place, bitPlace) => {
      const tiles = tilesOf.get(size)!;
      const target = tiles[place % tiles.length]!;
      const reader = readerOf(size, async (tile: Tile) => {
        const bytes = await honest(tile);
        if (bytes !== undefined && formatTilePath(tile) === formatTilePath(target)) {
          const bit = bitPlace % (8 * bytes.length);
          bytes[bit >> 3]! ^= 1 << (bit & 7);
        }
        return bytes;
      });
      await expect(reader.readTile(target)).rejects.toMatchObject({ code: "proof-mismatch" });
      // Every other tile either is refused too or is the true one.
      for (const other of tiles.slice(0, 3)) {
        const bytes = await reader.readTile(other).catch(() => undefined);
        if (bytes !== undefined) expect(bytes).toEqual(await honest(other));
      }
    }),
    { numRuns: 150 },
  );
});
