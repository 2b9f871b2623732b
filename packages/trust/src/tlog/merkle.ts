// Merkle tree hashing and proofs: RFC 6962 §2.1, with the verification algorithms of RFC 9162 §2.1.3 and §2.1.4.
// Sizes go up to 2^53 - 1, so positions are halved by division: the bit operators stop at 32 bits.

import { TlogError } from "./errors.ts";
import { equalBytes, HASH_BYTES, sha256 } from "./sha256.ts";

/** Most hashes in an inclusion or consistency proof. */
export const MAX_PROOF_HASHES = 63;

/** The hash of the complete subtree over the leaves [index · 2^level, (index + 1) · 2^level). */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/**
 * Where proofs get their hashes. Returns one 32-byte hash per node asked for, in that order, and rejects when it
 * lacks one. Who builds proofs from a reader that is not trusted must verify them against a trusted root.
 */
export interface HashReader {
  readHashes(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]>;
}

/** The claim that the leaf at `index` (from 0) of a tree of `size` leaves has the hash `leaf`. */
export interface InclusionClaim {
  readonly index: number;
  readonly size: number;
  readonly leaf: Uint8Array;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** The claim that the tree of `oldSize` leaves is a prefix of the tree of `newSize` leaves. */
export interface ConsistencyClaim {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly newSize: number;
  readonly newRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

type Range = readonly [start: number, end: number];

/** Root of the tree without leaves: SHA-256 of nothing. */
export function emptyRoot(): Uint8Array {
  return sha256(new Uint8Array(0));
}

/** SHA-256(0x00 ‖ entry). */
export function hashLeaf(entry: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + entry.length);
  input.set(entry, 1);
  return sha256(input);
}

/** SHA-256(0x01 ‖ left ‖ right), over two 32-byte hashes. */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + 2 * HASH_BYTES);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 1 + HASH_BYTES);
  return sha256(input);
}

/** The root over subtree hashes given from left (largest) to right, as a compact range holds them. */
export function foldRoot(hashes: readonly Uint8Array[]): Uint8Array {
  return hashes.length === 0 ? emptyRoot() : hashes.reduceRight((right, left) => hashNode(left, right));
}

/**
 * The complete subtrees that make up the leaves [start, end), from left to right. For a range that RFC 6962 splits
 * off a tree, {@link foldRoot} of their hashes is its Merkle tree hash.
 */
export function coveringNodes(start: number, end: number): NodeId[] {
  const nodes: NodeId[] = [];
  while (start < end) {
    let level = 0;
    let width = 1;
    while (start % (2 * width) === 0 && start + 2 * width <= end) {
      width *= 2;
      level += 1;
    }
    nodes.push({ level, index: start / width });
    start += width;
  }
  return nodes;
}

/** Root of the first `size` leaves of the tree behind `reader`. Throws `out-of-range`. */
export async function treeRoot(size: number, reader: HashReader): Promise<Uint8Array> {
  checkSize(size);
  return foldRoot(await reader.readHashes(coveringNodes(0, size)));
}

/** The proof that leaf `index` is in the tree of `size` leaves (RFC 6962 §2.1.1). Throws `out-of-range`. */
export async function proveInclusion(index: number, size: number, reader: HashReader): Promise<Uint8Array[]> {
  checkSize(size);
  checkSize(index);
  if (index >= size) throw new TlogError("out-of-range", "the tree has no such leaf");
  const siblings: Range[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    siblings.push(index < middle ? [middle, end] : [start, middle]);
    [start, end] = index < middle ? [start, middle] : [middle, end];
  }
  return hashRanges(siblings.reverse(), reader);
}

/**
 * The proof that the tree of `oldSize` leaves is a prefix of the one of `newSize` (RFC 6962 §2.1.2). Empty when the
 * sizes are equal or the old tree is empty. Throws `out-of-range`.
 */
export async function proveConsistency(
  oldSize: number,
  newSize: number,
  reader: HashReader,
): Promise<Uint8Array[]> {
  checkSize(oldSize);
  checkSize(newSize);
  if (oldSize > newSize) throw new TlogError("out-of-range", "the old tree is larger than the new one");
  if (oldSize === 0) return [];
  const ranges: Range[] = [];
  let [start, end] = [0, newSize];
  while (oldSize !== end) {
    const middle = start + splitPoint(end - start);
    ranges.push(oldSize <= middle ? [middle, end] : [start, middle]);
    [start, end] = oldSize <= middle ? [start, middle] : [middle, end];
  }
  // A remaining range that starts at 0 is the old tree itself, whose root the verifier has.
  if (start > 0) ranges.push([start, end]);
  return hashRanges(ranges.reverse(), reader);
}

/** Checks an inclusion proof (RFC 9162 §2.1.3.2). Throws `proof-mismatch` or `malformed-proof`. */
export function verifyInclusion({ index, size, leaf, root, proof }: InclusionClaim): void {
  checkHashes([leaf, root, ...proof]);
  if (!isSize(index) || !isSize(size) || index >= size) throw mismatch();
  let position = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) throw mismatch();
    if (position % 2 === 1 || position === last) {
      hash = hashNode(sibling, hash);
      while (position % 2 === 0 && position !== 0) {
        position /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash = hashNode(hash, sibling);
    }
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0 || !equalBytes(hash, root)) throw mismatch();
}

/**
 * Checks a consistency proof (RFC 9162 §2.1.4.2). The proof must be empty from size 0, which says nothing beyond
 * `oldRoot` being the empty root, and between equal sizes, where the roots must be equal; a root at size 0 must be
 * the empty root. Throws `proof-mismatch` or `malformed-proof`.
 */
export function verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof }: ConsistencyClaim): void {
  checkHashes([oldRoot, newRoot, ...proof]);
  if (!isSize(oldSize) || !isSize(newSize) || oldSize > newSize) throw mismatch();
  if (newSize === 0 && !equalBytes(newRoot, emptyRoot())) throw mismatch();
  if (oldSize === 0 || oldSize === newSize) {
    const expectedOldRoot = oldSize === 0 ? emptyRoot() : newRoot;
    if (proof.length > 0 || !equalBytes(oldRoot, expectedOldRoot)) throw mismatch();
    return;
  }

  let position = oldSize - 1;
  let last = newSize - 1;
  while (position % 2 === 1) {
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  // An old size that is a power of two leaves position 0 here, and its root starts the path unsent.
  const [first, ...path] = position === 0 ? [oldRoot, ...proof] : proof;
  if (first === undefined) throw mismatch();
  let oldHash = first;
  let newHash = first;
  for (const sibling of path) {
    if (last === 0) throw mismatch();
    if (position % 2 === 1 || position === last) {
      oldHash = hashNode(sibling, oldHash);
      newHash = hashNode(sibling, newHash);
      while (position % 2 === 0 && position !== 0) {
        position /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      newHash = hashNode(newHash, sibling);
    }
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0 || !equalBytes(oldHash, oldRoot) || !equalBytes(newHash, newRoot)) throw mismatch();
}

async function hashRanges(ranges: readonly Range[], reader: HashReader): Promise<Uint8Array[]> {
  const nodes = ranges.map(([start, end]) => coveringNodes(start, end));
  const hashes = await reader.readHashes(nodes.flat());
  let offset = 0;
  return nodes.map(({ length }) => foldRoot(hashes.slice(offset, (offset += length))));
}

/** The largest power of two below `size`. */
function splitPoint(size: number): number {
  let split = 1;
  while (2 * split < size) split *= 2;
  return split;
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0;
}

function checkSize(size: number): void {
  if (!isSize(size)) throw new TlogError("out-of-range", "not a tree size");
}

function checkHashes(hashes: readonly Uint8Array[]): void {
  if (hashes.length > MAX_PROOF_HASHES + 2 || hashes.some((hash) => hash.length !== HASH_BYTES)) {
    throw new TlogError("malformed-proof", "a proof is at most 63 hashes of 32 bytes");
  }
}

function mismatch(): TlogError {
  return new TlogError("proof-mismatch", "the proof does not lead to the root");
}
