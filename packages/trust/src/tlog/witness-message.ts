// The bodies of C2SP tlog-witness, `add-checkpoint`, and what a log does with them: https://c2sp.org/tlog-witness

import { decodeDecimal, decodeHash, decodeUtf8, encodeBase64, encodeUtf8 } from "./encoding.ts";
import { TlogError } from "./errors.ts";
import { MAX_PROOF_HASHES } from "./merkle.ts";
import type { NoteVerifier } from "./note-key.ts";
import { concatBytes, HASH_BYTES, sha256 } from "./sha256.ts";
import type { NoteSignature } from "./signed-note.ts";
import { formatNote, MAX_NOTE_BYTES, parseNote, parseSignatureLines, verifyNote } from "./signed-note.ts";

/** The body of an `add-checkpoint` request. */
export interface AddCheckpointRequest {
  /** Size of the tree the witness cosigned last, 0 if unknown. */
  readonly oldSize: number;
  /** Consistency proof from `oldSize` to the checkpoint's size, at most 63 hashes. */
  readonly proof: readonly Uint8Array[];
  /** The signed checkpoint, as bytes. */
  readonly checkpoint: Uint8Array;
}

/** What a witness answered: cosignatures (not yet verified), the size to start from instead, or a refusal. */
export type AddCheckpointResult =
  | { readonly kind: "cosigned"; readonly signatures: readonly NoteSignature[] }
  | { readonly kind: "conflict"; readonly size: number }
  | { readonly kind: "refused"; readonly status: number };

const MAX_HEADER_BYTES = 4096;

/** Reads a request body up to its checkpoint, which is only cut off, not parsed. Throws `malformed-request`. */
export function parseAddCheckpointRequest(body: Uint8Array): AddCheckpointRequest {
  const split = body.findIndex((byte, index) => byte === 0x0a && body[index + 1] === 0x0a);
  if (split < 0 || split > MAX_HEADER_BYTES || body.length > MAX_HEADER_BYTES + MAX_NOTE_BYTES) {
    throw malformedRequest();
  }
  const [oldLine = "", ...proofLines] = decodeUtf8(body.subarray(0, split))?.split("\n") ?? [];
  const oldSize = oldLine.startsWith("old ") ? decodeDecimal(oldLine.slice(4)) : undefined;
  if (oldSize === undefined || proofLines.length > MAX_PROOF_HASHES) throw malformedRequest();
  const proof = proofLines.map((line) => decodeHash(line) ?? malformedLine());
  return { oldSize, proof, checkpoint: body.slice(split + 2) };
}

/** The body of a request. Throws `malformed-request` when it would not parse. */
export function formatAddCheckpointRequest({ oldSize, proof, checkpoint }: AddCheckpointRequest): Uint8Array {
  const isSize = Number.isSafeInteger(oldSize) && oldSize >= 0;
  if (!isSize || proof.length > MAX_PROOF_HASHES || proof.some((hash) => hash.length !== HASH_BYTES)) {
    throw malformedRequest();
  }
  const header = [`old ${oldSize}`, ...proof.map(encodeBase64)].map((line) => `${line}\n`).join("");
  return concatBytes(encodeUtf8(`${header}\n`), checkpoint);
}

/**
 * Reads a witness's answer. A 409 is a conflict only with its content type `text/x.tlog.size`; every status other
 * than 200 and that is `refused`. Throws `malformed-response`.
 */
export function parseAddCheckpointResponse(response: {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
}): AddCheckpointResult {
  const { status, contentType } = response;
  const isConflict = status === 409 && contentType.split(";")[0]!.trim().toLowerCase() === "text/x.tlog.size";
  if (status !== 200 && !isConflict) return { kind: "refused", status };
  const body = response.body.length <= MAX_NOTE_BYTES ? decodeUtf8(response.body) : undefined;
  if (body === undefined || !body.endsWith("\n")) throw malformedResponse();
  if (isConflict) {
    const size = decodeDecimal(body.slice(0, -1));
    if (size === undefined) throw malformedResponse();
    return { kind: "conflict", size };
  }
  try {
    return { kind: "cosigned", signatures: parseSignatureLines(body) };
  } catch (error) {
    if (error instanceof TlogError) throw malformedResponse();
    throw error;
  }
}

/**
 * Adds to a signed checkpoint those of `signatures` that one of `witnesses` verifies and that it does not hold yet;
 * those of unknown keys are dropped. Throws `bad-signature` when a known witness's is wrong, `not-signed` when none
 * is known, `malformed-note` when `checkpoint` is no note.
 */
export async function attachCosignatures(options: {
  readonly checkpoint: Uint8Array;
  readonly signatures: readonly NoteSignature[];
  readonly witnesses: readonly NoteVerifier[];
}): Promise<Uint8Array> {
  const note = parseNote(options.checkpoint);
  const { verified } = await verifyNote({ ...note, signatures: options.signatures }, options.witnesses);
  const present = new Set(note.signatures.map(signatureIdentity));
  const fresh = verified.filter((signature) => !present.has(signatureIdentity(signature)));
  return formatNote({ text: note.text, signatures: [...note.signatures, ...fresh] });
}

/** Where a witness serves its latest checkpoint of a log, below its monitoring prefix: `<hex SHA-256>/checkpoint`. */
export function witnessCheckpointPath(origin: string): string {
  const digest = Array.from(sha256(encodeUtf8(origin)), (byte) => byte.toString(16).padStart(2, "0"));
  return `${digest.join("")}/checkpoint`;
}

function signatureIdentity({ name, keyId, signature }: NoteSignature): string {
  return `${name} ${keyId} ${encodeBase64(signature)}`;
}

function malformedLine(): never {
  throw malformedRequest();
}

function malformedRequest(): TlogError {
  return new TlogError("malformed-request", "not an add-checkpoint request");
}

function malformedResponse(): TlogError {
  return new TlogError("malformed-response", "not an add-checkpoint response");
}
