// C2SP tlog-checkpoint v1.0.0: https://c2sp.org/tlog-checkpoint

import { decodeDecimal, decodeHash, encodeBase64 } from "./encoding.ts";
import { TlogError } from "./errors.ts";
import type { NoteSigner, NoteVerifier } from "./note-key.ts";
import { HASH_BYTES } from "./sha256.ts";
import type { VerifiedNote } from "./signed-note.ts";
import { openNote, signNote } from "./signed-note.ts";

/** A log's Merkle tree head: the tree of the log `origin` had `root` when it held `size` entries. */
export interface Checkpoint {
  /** Names the log; non-empty, one line. Usually `host/path`. */
  readonly origin: string;
  /** Number of leaves, 0 to 2^53 - 1. */
  readonly size: number;
  /** RFC 6962 root hash, 32 bytes. */
  readonly root: Uint8Array;
  /** Opaque further lines, without newlines. Witnesses make no statement about them. */
  readonly extensions: readonly string[];
}

/** A checkpoint whose note was verified, and by whom. */
export interface OpenedCheckpoint extends Checkpoint {
  readonly note: VerifiedNote;
}

/** Reads the text of a checkpoint note (no signatures). Throws `malformed-checkpoint`. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, sizeLine, rootLine, ...rest] = text.split("\n");
  const size = decodeDecimal(sizeLine ?? "");
  const root = decodeHash(rootLine ?? "");
  const end = rest.pop();
  if (!origin || size === undefined || root === undefined || end !== "" || rest.includes("")) {
    throw new TlogError("malformed-checkpoint", "the note text is not a checkpoint");
  }
  return { origin, size, root, extensions: rest };
}

/** The note text of a checkpoint. Throws `malformed-checkpoint` when it would not parse back. */
export function formatCheckpoint(checkpoint: Omit<Checkpoint, "extensions"> & Partial<Checkpoint>): string {
  const { origin, size, root, extensions = [] } = checkpoint;
  const lines = [origin, ...extensions];
  if (lines.some((line) => line === "" || line.includes("\n"))) {
    throw new TlogError("malformed-checkpoint", "a checkpoint line is empty or more than one");
  }
  if (!Number.isSafeInteger(size) || size < 0 || root.length !== HASH_BYTES) {
    throw new TlogError("malformed-checkpoint", "size or root hash out of bounds");
  }
  return `${[origin, size, encodeBase64(root), ...extensions].join("\n")}\n`;
}

/**
 * Verifies a signed checkpoint and reads it. `verifiers` are the log's keys, and any witnesses' to be checked too;
 * whether the origin is the one wanted is for the caller to compare.
 * Throws what `openNote` throws, and `malformed-checkpoint`.
 */
export async function openCheckpoint(
  bytes: Uint8Array,
  verifiers: readonly NoteVerifier[],
): Promise<OpenedCheckpoint> {
  const note = await openNote(bytes, verifiers);
  return { ...parseCheckpoint(note.text), note };
}

/**
 * Signs a checkpoint. A log must never sign one that is inconsistent with any it signed before: persist the tree
 * first. Throws `malformed-checkpoint` or `malformed-note`.
 */
export async function signCheckpoint(
  checkpoint: Omit<Checkpoint, "extensions"> & Partial<Checkpoint>,
  signers: readonly NoteSigner[],
): Promise<Uint8Array> {
  return signNote(formatCheckpoint(checkpoint), signers);
}
