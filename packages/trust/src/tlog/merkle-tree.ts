// Trees that grow leaf by leaf: one that keeps the right edge only, one that keeps every hash.

import { TlogError } from "./errors.ts";
import type { HashReader, NodeId } from "./merkle.ts";
import { coveringNodes, foldRoot, hashNode } from "./merkle.ts";
import { HASH_BYTES } from "./sha256.ts";

/**
 * A tree reduced to its compact range: at most 53 hashes, whatever its size. Enough to append and to know the root;
 * a log writer stores the hashes it is told of and keeps `edge` beside them.
 */
export class CompactTree {
  #size: number;
  readonly #edge: Uint8Array[];

  /**
   * An empty tree, or one resumed from a stored `size` and `edge` (the hashes of `coveringNodes(0, size)`), which
   * must be trusted. Throws `out-of-range` when they do not fit together.
   */
  constructor(size = 0, edge: readonly Uint8Array[] = []) {
    const fits = Number.isSafeInteger(size) && size >= 0 && edge.length === coveringNodes(0, size).length;
    if (!fits || edge.some((hash) => hash.length !== HASH_BYTES)) {
      throw new TlogError("out-of-range", "the edge does not fit the size");
    }
    this.#size = size;
    this.#edge = [...edge];
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** The hashes of `coveringNodes(0, size)`. */
  get edge(): readonly Uint8Array[] {
    return [...this.#edge];
  }

  /** RFC 6962 root. */
  get root(): Uint8Array {
    return foldRoot(this.#edge);
  }

  /**
   * Adds a leaf by its hash; the array is kept, not copied. `onNode` is told each node that this completes, from
   * the leaf upward.
   */
  append(leaf: Uint8Array, onNode?: (node: NodeId, hash: Uint8Array) => void): void {
    if (leaf.length !== HASH_BYTES) throw new TlogError("out-of-range", "a leaf hash has 32 bytes");
    if (this.#size >= Number.MAX_SAFE_INTEGER) throw new TlogError("out-of-range", "the tree is full");
    let [level, index, hash] = [0, this.#size, leaf];
    onNode?.({ level, index }, hash);
    while (index % 2 === 1) {
      hash = hashNode(this.#edge.pop()!, hash);
      level += 1;
      index = (index - 1) / 2;
      onNode?.({ level, index }, hash);
    }
    this.#edge.push(hash);
    this.#size += 1;
  }
}

/** A tree with all its hashes in memory: 64 bytes per leaf. It answers for every earlier size too. */
export class MerkleTree implements HashReader {
  readonly #compact = new CompactTree();
  readonly #levels: HashColumn[] = [];

  /** Number of leaves. */
  get size(): number {
    return this.#compact.size;
  }

  /** Adds a leaf by its hash. */
  append(leaf: Uint8Array): void {
    this.#compact.append(leaf, ({ level }, hash) => {
      const column = (this.#levels[level] ??= new HashColumn());
      column.push(hash);
    });
  }

  /** Root of the first `size` leaves. Throws `out-of-range` beyond the present size. */
  rootAt(size: number): Uint8Array {
    if (!Number.isSafeInteger(size) || size < 0 || size > this.size) {
      throw new TlogError("out-of-range", "the tree has not reached that size");
    }
    return foldRoot(coveringNodes(0, size).map((node) => this.#read(node)));
  }

  async readHashes(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    return nodes.map((node) => this.#read(node));
  }

  #read({ level, index }: NodeId): Uint8Array {
    const hash = this.#levels[level]?.at(index);
    if (hash === undefined) throw new TlogError("out-of-range", "the tree has no such node");
    return hash;
  }
}

class HashColumn {
  #bytes = new Uint8Array(8 * HASH_BYTES);
  #length = 0;

  push(hash: Uint8Array): void {
    const end = (this.#length + 1) * HASH_BYTES;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#bytes.length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(hash, this.#length * HASH_BYTES);
    this.#length += 1;
  }

  at(index: number): Uint8Array | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    return this.#bytes.slice(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  }
}
