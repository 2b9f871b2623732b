// C2SP tlog-witness, `add-checkpoint`: https://c2sp.org/tlog-witness

import type { Checkpoint } from "./checkpoint.ts";
import { parseCheckpoint } from "./checkpoint.ts";
import type { Cosigner } from "./cosignature.ts";
import { encodeUtf8 } from "./encoding.ts";
import { TlogError } from "./errors.ts";
import { emptyRoot, verifyConsistency } from "./merkle.ts";
import type { NoteVerifier } from "./note-key.ts";
import { equalBytes } from "./sha256.ts";
import type { Note, NoteSignature, VerifiedNote } from "./signed-note.ts";
import { formatNote, formatSignatureLines, parseNote, verifyNote } from "./signed-note.ts";
import type { AddCheckpointRequest } from "./witness-message.ts";
import { parseAddCheckpointRequest } from "./witness-message.ts";

/** What a witness knows of one log: the latest tree it cosigned. */
export interface WitnessState {
  readonly size: number;
  readonly root: Uint8Array;
  /** The note to serve to monitors: checkpoint, the log's verified signatures, this witness's cosignatures. */
  readonly checkpoint: Uint8Array;
}

/**
 * Where a witness keeps one state per origin. The whole worth of a witness rests on these duties:
 *
 * - `load` returns the state of the last successful `compareAndSwap`, undefined if there never was one.
 * - `compareAndSwap` replaces the state only if the present one has the `size` and `root` of `expected` (undefined:
 *   only if there is none), as one atomic step even across processes. It resolves to false, changing nothing, if
 *   not; to true only when the new state would survive a power cut.
 * - A `compareAndSwap` that rejects may or may not have stored the state.
 * - A store that has lost a state it confirmed must not be used again with the same keys.
 */
export interface WitnessStore {
  load(origin: string): Promise<WitnessState | undefined>;
  compareAndSwap(origin: string, expected: WitnessState | undefined, next: WitnessState): Promise<boolean>;
}

/** A witness: the logs it knows (origin to the log's keys), its own keys (at least one), and its memory. */
export interface Witness {
  readonly logs: ReadonlyMap<string, readonly NoteVerifier[]>;
  readonly cosigners: readonly Cosigner[];
  readonly store: WitnessStore;
}

/** The answer to send. Bodies other than of 200 and 409 are one line for a human. */
export interface WitnessResponse {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/**
 * Answers the body of one `POST <submission prefix>/add-checkpoint`; `nowSeconds` is the POSIX time of its arrival.
 *
 * 200 carries cosignature lines, and only after the store has confirmed the new state. 400: malformed, or old size
 * above the new one. 403: not signed by the log. 404: unknown log. 409: not our latest size, which is the body.
 * 422: not consistent with it. Rejects when the store or a key does: answer 500, and nothing was promised.
 */
export async function processAddCheckpoint(
  witness: Witness,
  body: Uint8Array,
  nowSeconds: number,
): Promise<WitnessResponse> {
  let request: AddCheckpointRequest;
  let unverified: Note;
  let checkpoint: Checkpoint;
  try {
    request = parseAddCheckpointRequest(body);
    unverified = parseNote(request.checkpoint);
    checkpoint = parseCheckpoint(unverified.text);
  } catch (error) {
    return refuse(400, "malformed request", error);
  }

  const { origin, size, root } = checkpoint;
  const logKeys = witness.logs.get(origin);
  if (logKeys === undefined) return answer(404, "unknown log");

  let note: VerifiedNote;
  try {
    note = await verifyNote(unverified, logKeys);
  } catch (error) {
    return refuse(403, "no valid signature of the log", error);
  }

  if (request.oldSize > size) return answer(400, "the old size is above the new one");
  const state = await witness.store.load(origin);
  if (request.oldSize !== (state?.size ?? 0)) return conflict(state);
  try {
    verifyConsistency({
      oldSize: request.oldSize,
      oldRoot: state?.root ?? emptyRoot(),
      newSize: size,
      newRoot: root,
      proof: request.proof,
    });
  } catch (error) {
    return refuse(422, "the consistency proof does not verify", error);
  }

  // Signed before it is stored, so that one write holds both; released only after.
  const cosignatures: NoteSignature[] = [];
  for (const key of witness.cosigners) cosignatures.push(await key.cosign(note.text, nowSeconds));
  const logSignatures = new Map(note.verified.map((signature) => [signature.verifier, signature])).values();
  const cosigned = formatNote({ text: note.text, signatures: [...logSignatures, ...cosignatures] });
  const stored = await witness.store.compareAndSwap(origin, state, { size, root, checkpoint: cosigned });
  if (!stored) return conflict(await witness.store.load(origin));
  return {
    status: 200,
    contentType: "text/plain; charset=utf-8",
    body: encodeUtf8(formatSignatureLines(cosignatures)),
  };
}

/** True when both states are the same for `compareAndSwap`: both absent, or equal in size and root. */
export function isSameWitnessState(a: WitnessState | undefined, b: WitnessState | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.size === b.size && equalBytes(a.root, b.root);
}

function conflict(state: WitnessState | undefined): WitnessResponse {
  return {
    status: 409,
    contentType: "text/x.tlog.size",
    body: encodeUtf8(`${state?.size ?? 0}\n`),
  };
}

function refuse(status: 400 | 403 | 422, message: string, error: unknown): WitnessResponse {
  if (!(error instanceof TlogError)) throw error;
  return answer(status, message);
}

function answer(status: 400 | 403 | 404 | 422, message: string): WitnessResponse {
  return { status, contentType: "text/plain; charset=utf-8", body: encodeUtf8(`${message}\n`) };
}
