import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { hashLeaf } from "./merkle.ts";
import { MerkleTree } from "./merkle-tree.ts";
import { sha256 } from "./sha256.ts";
import { readVectors } from "./test-vectors.ts";
import type { EntryBundle, Tile } from "./tiles.ts";
import {
  decodeEntryBundle,
  encodeEntryBundle,
  formatTilePath,
  hashInTile,
  locateNode,
  newTiles,
  openEntryBundle,
  parseTilePath,
  readTile,
} from "./tiles.ts";

interface Vectors {
  readonly paths: readonly ((Tile | EntryBundle) & { readonly path: string })[];
  readonly invalidPaths: readonly string[];
  readonly tree70000: {
    readonly size: number;
    readonly root: string;
    readonly tileCount: number;
    readonly tiles: readonly { readonly path: string; readonly sha256: string }[];
  };
  readonly bundles: readonly { readonly entries: readonly string[]; readonly bytes: string }[];
  readonly invalidBundles: readonly {
    readonly name: string;
    readonly width: number;
    readonly bytes: string;
  }[];
}

const vectors = readVectors<Vectors>("tiles");
const unhex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("a tile path", () => {
  test.each(vectors.paths)("is read and printed: $path", ({ path, ...tile }) => {
    expect(formatTilePath(tile as Tile | EntryBundle)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  test.each(vectors.invalidPaths)("is none: %j", (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });

  test.each([
    { level: 64, index: 0, width: 1 },
    { level: -1, index: 0, width: 1 },
    { level: 0, index: -1, width: 1 },
    { level: 0, index: 0.5, width: 1 },
    { level: 0, index: 0, width: 0 },
    { level: 0, index: 0, width: 257 },
  ])("is not printed for $level, $index, $width", (tile) => {
    expect(() => formatTilePath(tile)).toThrow(expect.objectContaining({ code: "out-of-range" }));
  });
});

describe("the tree of 70,000 leaves", () => {
  const tree = new MerkleTree();
  beforeAll(() => {
    const entry = new DataView(new ArrayBuffer(8));
    for (let index = 0; index < vectors.tree70000.size; index += 1) {
      entry.setBigUint64(0, BigInt(index));
      tree.append(hashLeaf(new Uint8Array(entry.buffer)));
    }
  });

  test("has the tiles of the specification's example", () => {
    const tiles = [...newTiles(0, 70_000)];
    const of = (level: number) => tiles.filter((tile) => tile.level === level);
    expect(of(0).map(({ width }) => width)).toEqual([...Array(273).fill(256), 112]);
    expect(of(1).map(({ width }) => width)).toEqual([256, 17]);
    expect(of(2).map(({ width }) => width)).toEqual([1]);
    expect(tiles.length).toBe(vectors.tree70000.tileCount);
  });

  test.each(vectors.tree70000.tiles)("has the bytes of $path", async ({ path, sha256: digest }) => {
    expect(hex(sha256(await readTile(parseTilePath(path) as Tile, tree)))).toBe(digest);
  });

  test("has, at every size, the partial widths floor(size / 256^level) mod 256", () => {
    const wrong: number[] = [];
    for (let size = 1; size <= 70_000; size += 1) {
      const tiles = [...newTiles(size - 1, size)];
      const levels = size % 65_536 === 0 ? 3 : size % 256 === 0 ? 2 : 1;
      const isRight = tiles.every(({ level, index, width }) => {
        const count = Math.floor(size / 256 ** level);
        return width % 256 === count % 256 && index * 256 + width === count;
      });
      if (!isRight || tiles.map(({ level }) => level).join() !== [0, 1, 2].slice(0, levels).join())
        wrong.push(size);
    }
    expect(wrong).toEqual([]);
  });

  test("grows by tiles that, however it grew, cover the same hashes", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(70_000), { minLength: 1, maxLength: 6 }), (stops) => {
        const sizes = [0, ...stops.toSorted((a, b) => a - b)];
        const widest = new Map<string, number>();
        for (const [step, size] of sizes.slice(1).entries()) {
          for (const { level, index, width } of newTiles(sizes[step]!, size))
            widest.set(`${level}/${index}`, width);
        }
        const atOnce = [...newTiles(0, sizes.at(-1)!)].map(({ level, index, width }) => [
          `${level}/${index}`,
          width,
        ]);
        expect([...widest].toSorted()).toEqual(atOnce.toSorted());
      }),
      { numRuns: 30 },
    );
  });

  test("gives each node's hash from one tile", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 16 }), fc.nat(), async (level, place) => {
        const node = { level, index: place % Math.floor(70_000 / 2 ** level) };
        const location = locateNode(node, 70_000);
        const bytes = await readTile(location.tile, tree);
        expect([hashInTile(bytes, location)]).toEqual(await tree.readHashes([node]));
      }),
      { numRuns: 300 },
    );
  });

  test("has no node beyond its edge", () => {
    for (let level = 0; level < 20; level += 1) {
      const index = Math.floor(70_000 / 2 ** level);
      expect(() => locateNode({ level, index }, 70_000)).toThrow("no such node");
    }
    expect(() => locateNode({ level: 0, index: -1 }, 70_000)).toThrow("no such node");
  });
});

describe("an entry bundle", () => {
  test.each(vectors.bundles)("is read and written: $bytes", ({ entries, bytes }) => {
    expect(hex(encodeEntryBundle(entries.map(unhex)))).toBe(bytes);
    expect(decodeEntryBundle(unhex(bytes), entries.length).map(hex)).toEqual(entries);
  });

  test.each(vectors.invalidBundles)("is refused: $name", ({ width, bytes }) => {
    expect(() => decodeEntryBundle(unhex(bytes), width)).toThrow(
      expect.objectContaining({ code: "malformed-tile" }),
    );
  });

  test("holds 1 to 256 entries of at most 65,535 bytes", () => {
    const longest = new Uint8Array(65_535).fill(1);
    expect(decodeEntryBundle(encodeEntryBundle([longest]), 1)).toEqual([longest]);
    expect(() => encodeEntryBundle([new Uint8Array(65_536)])).toThrow("too long");
    expect(() => encodeEntryBundle([])).toThrow("1 to 256");
    expect(() => encodeEntryBundle(Array(257).fill(new Uint8Array(0)))).toThrow("1 to 256");
  });

  test("opens against its tile, which may be wider, and not with another entry", async () => {
    const entries = [unhex("01"), unhex("0202"), unhex("")];
    const tree = new MerkleTree();
    for (const entry of entries) tree.append(hashLeaf(entry));
    const tile = await readTile({ level: 0, index: 0, width: 3 }, tree);
    expect(openEntryBundle(encodeEntryBundle(entries), 3, tile)).toEqual(entries);
    expect(openEntryBundle(encodeEntryBundle(entries.slice(0, 2)), 2, tile)).toEqual(entries.slice(0, 2));
    const swapped = encodeEntryBundle([entries[1]!, entries[0]!, entries[2]!]);
    for (const [bundle, hashes] of [
      [swapped, tile],
      [encodeEntryBundle(entries), tile.slice(0, 64)],
    ] as const) {
      expect(() => openEntryBundle(bundle, 3, hashes)).toThrow(
        expect.objectContaining({ code: "proof-mismatch" }),
      );
    }
  });
});
