// Evidence that a log forked: two checkpoints with its signature, and a proof that one is not a prefix of the other.
//
//   tlog-fork-evidence@v1
//   log <vkey>
//   root <base64: root that the larger tree had at the smaller size>
//   <base64: consistency proof, one hash per line>
//                            (empty line)
//   <smaller checkpoint>
//                            (empty line)
//   <larger checkpoint>
//
// The root is one the log never signed: the consistency proof ties it to the larger checkpoint, and its differing
// from the root of the smaller one is the fork. `scripts/verify-fork-evidence.js` checks the same without this code.

import type { Checkpoint } from "./checkpoint.ts";
import { openCheckpoint, parseCheckpoint } from "./checkpoint.ts";
import type { Ed25519 } from "./ed25519.ts";
import { webCryptoEd25519 } from "./ed25519.ts";
import { decodeHash, decodeUtf8, encodeBase64, encodeUtf8 } from "./encoding.ts";
import { TlogError } from "./errors.ts";
import type { HashReader } from "./merkle.ts";
import { MAX_PROOF_HASHES, proveConsistency, treeRoot, verifyConsistency } from "./merkle.ts";
import { noteVerifier } from "./note-key.ts";
import { concatBytes, equalBytes, HASH_BYTES } from "./sha256.ts";
import { MAX_NOTE_BYTES, parseNote } from "./signed-note.ts";

/** Evidence of a fork, taken apart. Nothing in it is to be believed before {@link verifyForkEvidence}. */
export interface ForkEvidence {
  /** The log's key as its maker states it. */
  readonly log: string;
  /** Root that the larger checkpoint's tree had at the smaller one's size, 32 bytes. */
  readonly root: Uint8Array;
  /** Consistency proof from that root to the larger checkpoint. */
  readonly proof: readonly Uint8Array[];
  readonly smaller: Uint8Array;
  readonly larger: Uint8Array;
}

/** A proven fork: both checkpoints are signed by the log, and `larger` does not extend `smaller`. */
export interface Fork {
  readonly smaller: Checkpoint;
  readonly larger: Checkpoint;
  /** Root that the larger tree had at the smaller size; differs from `smaller.root`. */
  readonly root: Uint8Array;
}

const HEADER = "tlog-fork-evidence@v1";
const MAX_EVIDENCE_BYTES = 2 * MAX_NOTE_BYTES + 8192;

/**
 * Makes evidence of two signed checkpoints of one log, in either order. `tree` reads the tree of the larger one, as
 * the client that was shown it holds it; it is not used when the sizes are equal.
 *
 * Throws `not-a-fork` when the checkpoints agree, and what {@link verifyForkEvidence} throws: what is returned has
 * been verified.
 */
export async function buildForkEvidence(
  options: {
    readonly log: string;
    readonly checkpoints: readonly [Uint8Array, Uint8Array];
    readonly tree: HashReader;
  },
  ed25519: Ed25519 = webCryptoEd25519,
): Promise<Uint8Array> {
  const { log, checkpoints, tree } = options;
  const [smaller, larger] = checkpoints
    .map((bytes) => ({ bytes, ...parseCheckpoint(parseNote(bytes).text) }))
    .toSorted((a, b) => a.size - b.size) as [
    Checkpoint & { bytes: Uint8Array },
    Checkpoint & { bytes: Uint8Array },
  ];
  const isSameSize = smaller.size === larger.size;
  const evidence = formatForkEvidence({
    log,
    root: isSameSize ? larger.root : await treeRoot(smaller.size, tree),
    proof: isSameSize ? [] : await proveConsistency(smaller.size, larger.size, tree),
    smaller: smaller.bytes,
    larger: larger.bytes,
  });
  await verifyForkEvidence(evidence, log, ed25519);
  return evidence;
}

/**
 * Verifies evidence of a fork of the log whose 0x01 vkey is `log`: the caller's own, not the one in the file.
 *
 * Throws `malformed-evidence`, `unknown-log` when it is about another log, `bad-signature`, `not-signed`,
 * `proof-mismatch`, `not-a-fork` when the checkpoints agree, and the `malformed-*` codes of the parts.
 */
export async function verifyForkEvidence(
  bytes: Uint8Array,
  log: string,
  ed25519: Ed25519 = webCryptoEd25519,
): Promise<Fork> {
  const evidence = parseForkEvidence(bytes);
  if (evidence.log !== log) throw new TlogError("unknown-log", "the evidence is about another key");
  const verifiers = [noteVerifier(log, ed25519)];
  const smaller = await openCheckpoint(evidence.smaller, verifiers);
  const larger = await openCheckpoint(evidence.larger, verifiers);
  if (smaller.origin !== larger.origin) throw new TlogError("not-a-fork", "the checkpoints are of two logs");
  if (smaller.size === 0) throw new TlogError("not-a-fork", "every tree extends the empty one");
  verifyConsistency({
    oldSize: smaller.size,
    oldRoot: evidence.root,
    newSize: larger.size,
    newRoot: larger.root,
    proof: evidence.proof,
  });
  if (equalBytes(evidence.root, smaller.root)) throw new TlogError("not-a-fork", "the checkpoints agree");
  return { smaller, larger, root: evidence.root };
}

/** Takes evidence apart. Throws `malformed-evidence`. */
export function parseForkEvidence(bytes: Uint8Array): ForkEvidence {
  const text = bytes.length <= MAX_EVIDENCE_BYTES ? decodeUtf8(bytes) : undefined;
  // Checkpoints hold no empty line but the one before the signatures.
  const parts = text?.split("\n\n", 6) ?? [];
  const [head = "", smallerText, smallerSignatures, largerText, largerSignatures] = parts;
  const [header, logLine = "", rootLine = "", ...proofLines] = head.split("\n", MAX_PROOF_HASHES + 4);
  const root = rootLine.startsWith("root ") ? decodeHash(rootLine.slice(5)) : undefined;
  if (parts.length !== 5 || header !== HEADER || !logLine.startsWith("log ") || root === undefined) {
    throw malformedEvidence();
  }
  if (proofLines.length > MAX_PROOF_HASHES) throw malformedEvidence();
  return {
    log: logLine.slice(4),
    root,
    proof: proofLines.map((line) => decodeHash(line) ?? malformedLine()),
    smaller: encodeUtf8(`${smallerText}\n\n${smallerSignatures}\n`),
    larger: encodeUtf8(`${largerText}\n\n${largerSignatures}`),
  };
}

/** The bytes of an evidence file. Throws `malformed-evidence` when they would not parse. */
export function formatForkEvidence({ log, root, proof, smaller, larger }: ForkEvidence): Uint8Array {
  const isHash = (hash: Uint8Array) => hash.length === HASH_BYTES;
  if (log.includes("\n") || proof.length > MAX_PROOF_HASHES || ![root, ...proof].every(isHash)) {
    throw malformedEvidence();
  }
  const lines = [HEADER, `log ${log}`, `root ${encodeBase64(root)}`, ...proof.map(encodeBase64)];
  return concatBytes(encodeUtf8(`${lines.join("\n")}\n\n`), smaller, encodeUtf8("\n"), larger);
}

function malformedLine(): never {
  throw malformedEvidence();
}

function malformedEvidence(): TlogError {
  return new TlogError("malformed-evidence", "not evidence of a fork");
}
