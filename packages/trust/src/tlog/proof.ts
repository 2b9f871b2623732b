// C2SP tlog-proof: https://c2sp.org/tlog-proof

import { decodeBase64, decodeDecimal, decodeHash, decodeUtf8, encodeBase64, encodeUtf8 } from "./encoding.ts";
import { TlogError } from "./errors.ts";
import { MAX_PROOF_HASHES, verifyInclusion } from "./merkle.ts";
import type { NoteVerifier } from "./note-key.ts";
import type { Policy, PolicyVerdict } from "./policy.ts";
import { evaluatePolicy } from "./policy.ts";
import { concatBytes, HASH_BYTES } from "./sha256.ts";
import { MAX_NOTE_BYTES } from "./signed-note.ts";

/** Longest proof file accepted, in bytes. */
export const MAX_TLOG_PROOF_BYTES = 2 * MAX_NOTE_BYTES;

/** A proof that an entry is in a log, complete in itself. Nothing in it is to be believed before it is verified. */
export interface TlogProof {
  /** Opaque bytes that nothing authenticates; absent if the proof has no such line. */
  readonly extra?: Uint8Array;
  /** Of the entry, from 0. */
  readonly index: number;
  /** RFC 6962 inclusion proof, leaf's sibling first, at most 63 hashes. */
  readonly proof: readonly Uint8Array[];
  /** The signed checkpoint, as bytes. */
  readonly checkpoint: Uint8Array;
}

const HEADER = "c2sp.org/tlog-proof@v1";

/** Reads a `.tlog-proof` file; its checkpoint is only cut off, not parsed. Throws `malformed-proof`. */
export function parseTlogProof(bytes: Uint8Array): TlogProof {
  const text = bytes.length <= MAX_TLOG_PROOF_BYTES ? decodeUtf8(bytes) : undefined;
  const split = text?.indexOf("\n\n") ?? -1;
  if (text === undefined || split < 0) throw malformedProof();
  const [header, ...lines] = text.slice(0, split).split("\n", MAX_PROOF_HASHES + 4);
  const extra = lines[0]?.startsWith("extra ") ? decodeBase64(lines.shift()!.slice(6)) : null;
  const indexLine = lines.shift() ?? "";
  const index = indexLine.startsWith("index ") ? decodeDecimal(indexLine.slice(6)) : undefined;
  if (header !== HEADER || extra === undefined || index === undefined) throw malformedProof();
  if (lines.length > MAX_PROOF_HASHES) throw malformedProof();
  const proof = lines.map((line) => decodeHash(line) ?? malformedLine());
  const checkpoint = encodeUtf8(text.slice(split + 2));
  return extra === null ? { index, proof, checkpoint } : { extra, index, proof, checkpoint };
}

/** The bytes of a `.tlog-proof` file. Throws `malformed-proof` when they would not parse. */
export function formatTlogProof({ extra, index, proof, checkpoint }: TlogProof): Uint8Array {
  const isIndex = Number.isSafeInteger(index) && index >= 0;
  if (!isIndex || proof.length > MAX_PROOF_HASHES || proof.some((hash) => hash.length !== HASH_BYTES)) {
    throw malformedProof();
  }
  const extraLine = extra === undefined ? [] : [`extra ${encodeBase64(extra)}`];
  const lines = [HEADER, ...extraLine, `index ${index}`, ...proof.map(encodeBase64)];
  const bytes = concatBytes(encodeUtf8(`${lines.join("\n")}\n\n`), checkpoint);
  if (bytes.length > MAX_TLOG_PROOF_BYTES) throw malformedProof();
  return bytes;
}

/**
 * Verifies that the entry whose leaf hash is `leaf` is in a log of the policy (or in `log`'s), under a checkpoint
 * that meets the quorum. The caller makes `leaf` from data of its own, never from the proof alone.
 *
 * Throws `quorum-not-met`, `proof-mismatch`, and what `parseTlogProof` and `evaluatePolicy` throw.
 */
export async function verifyTlogProof(options: {
  readonly bytes: Uint8Array;
  readonly leaf: Uint8Array;
  readonly policy: Policy;
  readonly nowSeconds: number;
  readonly log?: NoteVerifier;
}): Promise<{ readonly index: number; readonly extra?: Uint8Array; readonly verdict: PolicyVerdict }> {
  const { bytes, leaf, ...policyOptions } = options;
  const { index, extra, proof, checkpoint } = parseTlogProof(bytes);
  const verdict = await evaluatePolicy({ ...policyOptions, checkpoint });
  if (!verdict.isMet) throw new TlogError("quorum-not-met", "too few witnesses cosigned the checkpoint");
  const { size, root } = verdict.checkpoint;
  verifyInclusion({ index, size, leaf, root, proof });
  return extra === undefined ? { index, verdict } : { index, extra, verdict };
}

function malformedLine(): never {
  throw malformedProof();
}

function malformedProof(): TlogError {
  return new TlogError("malformed-proof", "not a tlog proof");
}
