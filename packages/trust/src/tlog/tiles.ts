// C2SP tlog-tiles: https://c2sp.org/tlog-tiles

import { TlogError } from "./errors.ts";
import type { HashReader, NodeId } from "./merkle.ts";
import { hashLeaf, hashNode } from "./merkle.ts";
import { concatBytes, equalBytes, HASH_BYTES } from "./sha256.ts";

/** Hashes in a full tile, entries in a full bundle. */
export const TILE_WIDTH = 256;
/** Longest log entry a bundle can hold, in bytes. */
export const MAX_ENTRY_BYTES = 65_535;

const TILE_HEIGHT = 8;

/** A tile of hashes: nodes [256 · index, 256 · index + width) of tree level 8 · `level`. */
export interface Tile {
  /** 0 to 63; 0 holds leaf hashes. */
  readonly level: number;
  readonly index: number;
  /** 1 to 256; below 256 the tile is partial. */
  readonly width: number;
}

/** The entries behind the level 0 tile of the same index and width. */
export interface EntryBundle {
  readonly level: "entries";
  readonly index: number;
  readonly width: number;
}

/** Path of a tile or bundle below the log's prefix, as in `tile/0/x001/234.p/7`. Throws `out-of-range`. */
export function formatTilePath({ level, index, width }: Tile | EntryBundle): string {
  const isLevel = level === "entries" || (Number.isInteger(level) && level >= 0 && level <= 63);
  const isWidth = Number.isInteger(width) && width >= 1 && width <= TILE_WIDTH;
  if (!isLevel || !isWidth || !Number.isSafeInteger(index) || index < 0) {
    throw new TlogError("out-of-range", "no tile has that level, index or width");
  }
  let path = String(index % 1000).padStart(3, "0");
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, "0")}/${path}`;
  }
  return `tile/${level}/${path}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

/** Reads a path as {@link formatTilePath} writes it. Undefined for any other: it names no tile. */
export function parseTilePath(path: string): Tile | EntryBundle | undefined {
  const match = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path);
  if (match === null) return undefined;
  const [, level = "", groups = "", width] = match;
  const position = {
    index: Number(groups.replaceAll(/[x/]/g, "")),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  const tile = level === "entries" ? { level, ...position } : { level: Number(level), ...position };
  try {
    return formatTilePath(tile as Tile | EntryBundle) === path ? (tile as Tile | EntryBundle) : undefined;
  } catch (error) {
    if (error instanceof TlogError) return undefined;
    throw error;
  }
}

/**
 * The tiles a log writes when its tree grows from `oldSize` to `newSize` leaves: all that are new or wider. Level 0
 * first, so that each tile comes after those it summarises. The level 0 ones also name the entry bundles to write.
 */
export function* newTiles(oldSize: number, newSize: number): Generator<Tile> {
  for (let level = 0, scale = 1; scale <= newSize; level += 1, scale *= TILE_WIDTH) {
    const oldCount = Math.floor(oldSize / scale);
    const newCount = Math.floor(newSize / scale);
    if (oldCount === newCount) continue;
    for (let index = Math.floor(oldCount / TILE_WIDTH); index * TILE_WIDTH < newCount; index += 1) {
      yield { level, index, width: Math.min(TILE_WIDTH, newCount - index * TILE_WIDTH) };
    }
  }
}

/** The bytes of a tile: its hashes, joined. */
export async function readTile({ level, index, width }: Tile, reader: HashReader): Promise<Uint8Array> {
  const nodes = Array.from({ length: width }, (_, offset) => ({
    level: TILE_HEIGHT * level,
    index: index * TILE_WIDTH + offset,
  }));
  return concatBytes(...(await reader.readHashes(nodes)));
}

/** The bytes of an entry bundle: each entry after its length (uint16, big-endian). Throws `out-of-range`. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length < 1 || entries.length > TILE_WIDTH) {
    throw new TlogError("out-of-range", "a bundle holds 1 to 256 entries");
  }
  return concatBytes(
    ...entries.flatMap((entry) => {
      if (entry.length > MAX_ENTRY_BYTES) throw new TlogError("out-of-range", "the entry is too long");
      return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry];
    }),
  );
}

/**
 * The `width` entries of a bundle, checked against `tile`, the bytes of the (trusted) level 0 tile of the same index
 * and at least that width. Throws `malformed-tile`, or `proof-mismatch` when an entry is not the one logged.
 */
export function openEntryBundle(bundle: Uint8Array, width: number, tile: Uint8Array): Uint8Array[] {
  const entries = decodeEntryBundle(bundle, width);
  for (const [index, entry] of entries.entries()) {
    const logged = tile.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
    if (!equalBytes(hashLeaf(entry), logged)) {
      throw new TlogError("proof-mismatch", "a bundle holds an entry that is not in the tile");
    }
  }
  return entries;
}

/** The `width` entries of a bundle, unchecked. Throws `malformed-tile` for any other number of entries. */
export function decodeEntryBundle(bundle: Uint8Array, width: number): Uint8Array[] {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  const entries: Uint8Array[] = [];
  let offset = 0;
  while (offset < bundle.length && entries.length <= width) {
    const start = offset + 2;
    if (start > bundle.length) throw malformedBundle();
    offset = start + view.getUint16(offset);
    if (offset > bundle.length) throw malformedBundle();
    entries.push(bundle.slice(start, offset));
  }
  if (entries.length !== width) throw malformedBundle();
  return entries;
}

/** Where a node is found: the narrowest tile that holds or spans it. */
export interface NodeLocation {
  readonly tile: Tile;
  /** Position of the first of the tile's hashes below the node. */
  readonly offset: number;
  /** How many of the tile's hashes the node spans, a power of two below 256; 1 if it is itself in the tile. */
  readonly count: number;
}

/** The tile, as wide as it is in a tree of `size` leaves, from which a node is computed. Throws `out-of-range`. */
export function locateNode(node: NodeId, size: number): NodeLocation {
  const level = Math.floor(node.level / TILE_HEIGHT);
  const count = 2 ** (node.level % TILE_HEIGHT);
  const first = node.index * count;
  const index = Math.floor(first / TILE_WIDTH);
  const width = Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH);
  const offset = first - index * TILE_WIDTH;
  if (!(node.index >= 0 && node.level >= 0 && offset + count <= width)) {
    throw new TlogError("out-of-range", "the tree has no such node");
  }
  return { tile: { level, index, width }, offset, count };
}

/** The hash of a located node from its tile's bytes. */
export function hashInTile(bytes: Uint8Array, { offset, count }: Omit<NodeLocation, "tile">): Uint8Array {
  const hashes = Array.from({ length: count }, (_, position) => {
    const start = (offset + position) * HASH_BYTES;
    return bytes.slice(start, start + HASH_BYTES);
  });
  return rootOfComplete(hashes);
}

function rootOfComplete(hashes: Uint8Array[]): Uint8Array {
  while (hashes.length > 1) {
    hashes = Array.from({ length: hashes.length / 2 }, (_, pair) =>
      hashNode(hashes[2 * pair]!, hashes[2 * pair + 1]!),
    );
  }
  return hashes[0]!;
}

function malformedBundle(): TlogError {
  return new TlogError("malformed-tile", "the bundle does not hold the entries it should");
}
