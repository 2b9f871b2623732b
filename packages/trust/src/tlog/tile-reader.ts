// Reading a tree through its tiles, trusting nothing but its size and root.

import { TlogError } from "./errors.ts";
import type { HashReader, NodeId } from "./merkle.ts";
import { coveringNodes, foldRoot } from "./merkle.ts";
import { equalBytes, HASH_BYTES } from "./sha256.ts";
import type { Tile } from "./tiles.ts";
import { formatTilePath, hashInTile, locateNode, TILE_WIDTH } from "./tiles.ts";

/**
 * Gets the bytes of a tile, undefined when it is not served (any more). It need not check them, and is called for
 * several tiles at once. A partial tile that is missing is asked for once more as the full one.
 */
export type FetchTile = (tile: Tile) => Promise<Uint8Array | undefined>;

/** The tree to read: `size` and `root` come from a verified checkpoint. */
export interface TileReaderOptions {
  readonly size: number;
  readonly root: Uint8Array;
  readonly fetchTile: FetchTile;
}

/**
 * Reads hashes through tiles, each authenticated against the root before one of its hashes is returned. Tiles are
 * kept as long as the reader is: make one per proof or per sync.
 *
 * Both methods throw `out-of-range` for what is not in the tree, `missing-tile`, `malformed-tile` for a wrong
 * length, and `proof-mismatch` for tiles that do not belong to the tree. Calling again fetches again.
 */
export class TileReader implements HashReader {
  readonly #options: TileReaderOptions;
  readonly #fullTiles = new Map<string, Promise<Uint8Array>>();
  #partialTiles: Promise<ReadonlyMap<string, Uint8Array>> | undefined;

  constructor(options: TileReaderOptions) {
    this.#options = options;
  }

  async readHashes(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    return Promise.all(
      nodes.map(async (node) => {
        const location = locateNode(node, this.#options.size);
        return hashInTile(await this.readTile(location.tile), location);
      }),
    );
  }

  /** The bytes of a tile, which must be asked for as wide as it is in this tree. */
  async readTile(tile: Tile): Promise<Uint8Array> {
    const path = formatTilePath(tile);
    if (tile.width < TILE_WIDTH) {
      this.#partialTiles ??= this.#readPartialTiles().catch((error: unknown) => {
        this.#partialTiles = undefined;
        throw error;
      });
      const bytes = (await this.#partialTiles).get(path);
      if (bytes === undefined) throw new TlogError("out-of-range", "the tree has no such tile", { path });
      return bytes;
    }
    const known = this.#fullTiles.get(path);
    if (known !== undefined) return known;
    const bytes = this.#readFullTile(tile);
    this.#fullTiles.set(path, bytes);
    bytes.catch(() => this.#fullTiles.delete(path));
    return bytes;
  }

  // The partial tiles hold exactly the hashes whose fold is the root, so one comparison authenticates them all.
  async #readPartialTiles(): Promise<ReadonlyMap<string, Uint8Array>> {
    const { size, root } = this.#options;
    const locations = coveringNodes(0, size).map((node) => locateNode(node, size));
    const tiles = new Map(locations.map(({ tile }) => [formatTilePath(tile), tile]));
    const contents = new Map(
      await Promise.all([...tiles].map(async ([path, tile]) => [path, await this.#fetch(tile)] as const)),
    );
    const edge = locations.map((location) =>
      hashInTile(contents.get(formatTilePath(location.tile))!, location),
    );
    if (equalBytes(foldRoot(edge), root)) return contents;
    throw new TlogError("proof-mismatch", "the partial tiles do not lead to the root");
  }

  // The root of a full tile is a hash in the tile above it, and so on up to a partial one.
  async #readFullTile(tile: Tile): Promise<Uint8Array> {
    const whole = { level: 8 * (tile.level + 1), index: tile.index };
    const [bytes, [expected]] = await Promise.all([this.#fetch(tile), this.readHashes([whole])]);
    if (equalBytes(hashInTile(bytes, { offset: 0, count: TILE_WIDTH }), expected!)) return bytes;
    const path = formatTilePath(tile);
    throw new TlogError("proof-mismatch", "the tile does not belong to the tree", { path });
  }

  async #fetch(tile: Tile): Promise<Uint8Array> {
    const { fetchTile } = this.#options;
    const bytes = await fetchTile(tile);
    if (bytes !== undefined) return checkLength(bytes, tile);
    const full = { ...tile, width: TILE_WIDTH };
    const fullBytes = tile.width < TILE_WIDTH ? await fetchTile(full) : undefined;
    if (fullBytes !== undefined) return checkLength(fullBytes, full).slice(0, tile.width * HASH_BYTES);
    throw new TlogError("missing-tile", "the log does not serve a tile", { path: formatTilePath(tile) });
  }
}

function checkLength(bytes: Uint8Array, tile: Tile): Uint8Array {
  if (bytes.length === tile.width * HASH_BYTES) return bytes;
  throw new TlogError("malformed-tile", "the tile has the wrong length", { path: formatTilePath(tile) });
}
