import { join } from "node:path";
import { bytesEqual, LIMITS, ProtocolError } from "@parley/protocol";
import type { HashReader, NodeId, Tile } from "@parley/trust/tlog";
import {
  CompactTree,
  coveringNodes,
  hashInTile,
  hashLeaf,
  locateNode,
  noteVerifier,
  openCheckpoint,
  signCheckpoint,
  TILE_WIDTH,
  TlogError,
  treeRoot,
} from "@parley/trust/tlog";
import { isStorageFault, StoreOpenError } from "../store/sqlite/connection.ts";
import type { LogStep, StoredHead, StoredTile } from "./log-database.ts";
import { LogDatabase } from "./log-database.ts";
import type { LogKey } from "./log-key.ts";
import type { LoggedEntry } from "./logged-entry.ts";

const FILE = "log.db";
const HASH_BYTES = 32;
const TILE_HEIGHT = 8;
/** Entries of one transaction. */
const BATCH_ENTRIES = 4096;

/** Where the log ends, or has ended. */
export interface LogEnd {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Entries and a checkpoint that covers them, as of one moment. */
export interface LogPage {
  readonly checkpoint: Uint8Array;
  readonly entries: readonly LoggedEntry[];
}

interface Waiting {
  readonly entries: readonly LoggedEntry[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The relay's one append-only log of chain entries (trust.md §B): RFC 6962 hashing, tlog-tiles, and a checkpoint after
 * each step. Entries, tiles and checkpoint of a step are one transaction, and nothing is served before it is durable.
 */
export class TransparencyLog implements HashReader {
  readonly key: LogKey;
  readonly #database: LogDatabase;
  readonly #listeners = new Set<() => void>();
  #tree: CompactTree;
  #head: StoredHead | undefined;
  #waiting: Waiting[] = [];
  #working: Promise<void> | undefined;
  #repairing: Promise<unknown> = Promise.resolve();

  private constructor(key: LogKey, database: LogDatabase) {
    this.key = key;
    this.#database = database;
    this.#tree = this.#reload();
  }

  /** Opens `log.db` of the data folder. Throws StoreOpenError, `damaged` when tiles and checkpoint do not agree. */
  static async open({
    folder,
    key,
  }: {
    readonly folder: string;
    readonly key: LogKey;
  }): Promise<TransparencyLog> {
    const database = new LogDatabase(join(folder, FILE));
    try {
      const log = new TransparencyLog(key, database);
      await log.#signAnewIfNeeded();
      return log;
    } catch (error) {
      database.close();
      if (error instanceof TlogError)
        throw new StoreOpenError("damaged", "the transparency log is damaged", error);
      throw error;
    }
  }

  /** Number of entries. */
  get size(): number {
    return this.#head?.size ?? 0;
  }

  /** The newest checkpoint, signed; empty before the first entry. */
  get checkpoint(): Uint8Array {
    return this.#head?.note ?? new Uint8Array();
  }

  /**
   * Whether a backup was put back and the entries that it lacks may still come (`repairLog`): a step taken now would be
   * another history than the one that people have seen, so none is taken.
   */
  awaitsRepair = false;

  /** Calls `listener` after each new checkpoint; returns the way to stop. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Appends those entries that are not in the log yet, in this order. Resolves when they are durable under a signed
   * checkpoint; what is asked for meanwhile shares the next step. Throws `storage-unavailable`: ask again. So it does for
   * new entries while the log {@link awaitsRepair}.
   */
  append(entries: readonly LoggedEntry[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ entries, resolve, reject });
    this.#working ??= this.#work();
    return promise;
  }

  /**
   * While the log {@link awaitsRepair}: takes the entries from number `from` on that it lacks, if with them it ends as its own
   * key has signed before. Throws `storage-unavailable`.
   * @returns whether it ends so, or has ended so and goes on.
   */
  repair(from: number, entries: readonly LoggedEntry[], wanted: LogEnd): Promise<boolean> {
    const repaired = this.#repairing.then(() => this.#repairNow(from, entries, wanted));
    this.#repairing = repaired.catch(() => {});
    return repaired;
  }

  /** At most `max` entries from number `from` on. */
  read(from: number, max: number): LogPage {
    const end = Math.min(this.size, from + Math.min(max, LIMITS.logEntries));
    const entries = from < end ? this.#database.entries(from, end, LIMITS.logAnswerBytes) : [];
    return { checkpoint: this.checkpoint, entries };
  }

  async readHashes(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    return nodes.map((node) => this.#readHash(node));
  }

  /** The bytes of a tile; undefined when the log has not that many hashes there. */
  tile({ level, index, width }: Tile): Uint8Array | undefined {
    const hashes = this.#database.tile(level, index);
    return hashes && hashes.length >= width * HASH_BYTES ? hashes.slice(0, width * HASH_BYTES) : undefined;
  }

  /** The entries of the server's own chain, in order. */
  serverEntries(): readonly { readonly number: number; readonly entry: Uint8Array }[] {
    return this.#database.serverEntries();
  }

  /** Puts cosignatures on the checkpoint of this size and root; when there is a newer one, they come too late. */
  async cosign(
    { size, root }: { readonly size: number; readonly root: Uint8Array },
    attach: (note: Uint8Array) => Promise<Uint8Array>,
  ): Promise<void> {
    for (;;) {
      const head = this.#head;
      if (head?.size !== size || !bytesEqual(head.root, root)) return;
      const note = await attach(head.note);
      if (!this.#database.isOpen) return;
      // Another witness's came in between: this one goes beside it.
      if (this.#head !== head) continue;
      this.#commit({ entries: [], tiles: [], head: { ...head, note } });
      return;
    }
  }

  /** Writes a copy, as of one moment, into the empty file at `path`. */
  copyTo(path: string): Promise<void> {
    return this.#database.copyTo(path);
  }

  /** Finishes what was asked for, then lets go of the file. */
  async close(): Promise<void> {
    await this.#working;
    this.#database.close();
  }

  async #work(): Promise<void> {
    // What is asked for in this turn of the event loop shares a step.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) await this.#step(this.#takeBatch());
    this.#working = undefined;
  }

  #takeBatch(): readonly Waiting[] {
    let count = 0;
    const end = this.#waiting.findIndex(({ entries }) => (count += entries.length) > BATCH_ENTRIES);
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : Math.max(1, end));
  }

  async #step(batch: readonly Waiting[]): Promise<void> {
    try {
      await this.#appendNow(batch.flatMap(({ entries }) => entries));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      const told = isStorageFault(error) ? new ProtocolError("storage-unavailable", "log") : error;
      for (const { reject } of batch) reject(told);
    }
  }

  async #repairNow(from: number, entries: readonly LoggedEntry[], wanted: LogEnd): Promise<boolean> {
    if (wanted.size <= this.size) return bytesEqual(await treeRoot(wanted.size, this), wanted.root);
    if (!this.awaitsRepair || from > this.size) return false;
    const fresh = this.#notLogged(entries.slice(this.size - from));
    try {
      return await this.#grow(fresh, wanted);
    } catch (error) {
      throw isStorageFault(error) ? new ProtocolError("storage-unavailable", "log") : error;
    }
  }

  async #appendNow(wanted: readonly LoggedEntry[]): Promise<void> {
    const fresh = this.#notLogged(wanted);
    if (fresh.length === 0) return;
    if (this.awaitsRepair) throw new ProtocolError("storage-unavailable", "the log awaits its repair");
    await this.#grow(fresh);
  }

  /** @returns false, and nothing is done, when that does not lead to `wanted`. */
  async #grow(fresh: LogStep["entries"], wanted?: LogEnd): Promise<boolean> {
    const tree = new CompactTree(this.#tree.size, this.#tree.edge);
    const growth = new TileGrowth();
    for (const { leaf } of fresh) tree.append(leaf, (node, hash) => growth.add(node, hash));
    const { size, root } = tree;
    if (wanted && (size !== wanted.size || !bytesEqual(root, wanted.root))) return false;
    const note = await signCheckpoint({ origin: this.key.origin, size, root }, [this.key.signer]);
    const tiles = growth.tiles((level, number) => this.#database.tile(level, number));
    this.#commit({ entries: fresh, tiles, head: { size, root, note } });
    this.#tree = tree;
    for (const listener of this.#listeners) listener();
    return true;
  }

  #notLogged(wanted: readonly LoggedEntry[]): LogStep["entries"] {
    const fresh = new Map<string, LogStep["entries"][number]>();
    for (const logged of wanted) {
      const leaf = hashLeaf(logged.entry);
      if (this.#database.numberOf(leaf) === undefined) fresh.set(leaf.toHex(), { ...logged, leaf });
    }
    return [...fresh.values()];
  }

  #commit(step: LogStep): void {
    try {
      this.#database.write(step);
      this.#head = step.head;
    } catch (error) {
      // A commit that failed may have been made durable all the same: the disk decides.
      this.#tree = this.#reload();
      throw error;
    }
  }

  #reload(): CompactTree {
    this.#head = this.#database.head();
    const { size } = this;
    const tree = new CompactTree(
      size,
      coveringNodes(0, size).map((node) => this.#readHash(node)),
    );
    if (this.#head && !bytesEqual(tree.root, this.#head.root)) {
      throw new StoreOpenError("damaged", "the transparency log's tiles do not lead to its checkpoint");
    }
    return tree;
  }

  #readHash(node: NodeId): Uint8Array {
    const location = locateNode(node, this.size);
    const { level, index, width } = location.tile;
    const hashes = this.#database.tile(level, index);
    if (!hashes || hashes.length < width * HASH_BYTES) {
      throw new StoreOpenError("damaged", "a tile of the transparency log is missing");
    }
    return hashInTile(hashes, location);
  }

  /** The key file is newer than the checkpoint: the tree stays, the signature is the new key's. */
  async #signAnewIfNeeded(): Promise<void> {
    const head = this.#head;
    if (!head) return;
    try {
      await openCheckpoint(head.note, [noteVerifier(this.key.vkey)]);
    } catch (error) {
      if (!(error instanceof TlogError) || error.code !== "not-signed") throw error;
      const { size, root } = head;
      const note = await signCheckpoint({ origin: this.key.origin, size, root }, [this.key.signer]);
      this.#commit({ entries: [], tiles: [], head: { size, root, note } });
    }
  }
}

/** The hashes that a step adds to tiles. */
class TileGrowth {
  readonly #hashes = new Map<
    string,
    { readonly level: number; readonly number: number; readonly added: Uint8Array[] }
  >();

  add({ level, index }: NodeId, hash: Uint8Array): void {
    if (level % TILE_HEIGHT !== 0) return;
    const tile = { level: level / TILE_HEIGHT, number: Math.floor(index / TILE_WIDTH) };
    const key = `${tile.level} ${tile.number}`;
    let growing = this.#hashes.get(key);
    if (!growing) this.#hashes.set(key, (growing = { ...tile, added: [] }));
    growing.added.push(hash);
  }

  tiles(stored: (level: number, number: number) => Uint8Array | undefined): readonly StoredTile[] {
    return [...this.#hashes.values()].map(({ level, number, added }) => {
      const before = stored(level, number);
      return { level, number, hashes: Buffer.concat(before ? [before, ...added] : added) };
    });
  }
}
