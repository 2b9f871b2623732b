// C2SP tlog-cosignature, Ed25519 ("cosignature/v1"): https://c2sp.org/tlog-cosignature

import type { Ed25519 } from "./ed25519.ts";
import { webCryptoEd25519 } from "./ed25519.ts";
import { encodeUtf8 } from "./encoding.ts";
import { TlogError } from "./errors.ts";
import type { NoteVerifier } from "./note-key.ts";
import { parseSigningKey, parseVerifierKey, SIGNATURE_TYPE_COSIGNATURE } from "./note-key.ts";
import { concatBytes } from "./sha256.ts";
import type { NoteSignature } from "./signed-note.ts";

const TIMESTAMP_BYTES = 8;
const COSIGNATURE_BYTES = TIMESTAMP_BYTES + 64;

/** A witness's signing key. `cosign` takes a checkpoint's note text, ending in a newline, and POSIX seconds. */
export interface Cosigner {
  readonly name: string;
  readonly keyId: number;
  cosign(checkpointText: string, timeSeconds: number): Promise<NoteSignature>;
}

/** What is signed: `cosignature/v1`, `time <seconds>`, then the note text. Throws `out-of-range` for a bad time. */
export function cosignatureMessage(checkpointText: Uint8Array, timeSeconds: number): Uint8Array {
  if (!Number.isSafeInteger(timeSeconds) || timeSeconds < 0) {
    throw new TlogError("out-of-range", "not a POSIX time in seconds");
  }
  return concatBytes(encodeUtf8(`cosignature/v1\ntime ${timeSeconds}\n`), checkpointText);
}

/** The signer of a 0x04 private key (see `generateKey`). Throws `malformed-key` or `unsupported-key`. */
export async function cosigner(skey: string, ed25519: Ed25519 = webCryptoEd25519): Promise<Cosigner> {
  const { name, keyId, seed } = await parseSigningKey(skey, SIGNATURE_TYPE_COSIGNATURE, ed25519);
  return {
    name,
    keyId,
    async cosign(checkpointText, timeSeconds) {
      const message = cosignatureMessage(encodeUtf8(checkpointText), timeSeconds);
      const timestamp = new Uint8Array(TIMESTAMP_BYTES);
      new DataView(timestamp.buffer).setBigUint64(0, BigInt(timeSeconds));
      return { name, keyId, signature: concatBytes(timestamp, await ed25519.sign(seed, message)) };
    },
  };
}

/** The verifier of a 0x04 vkey. Throws `malformed-key`, or `unsupported-key` for another type. */
export function cosignatureVerifier(vkey: string, ed25519: Ed25519 = webCryptoEd25519): NoteVerifier {
  const { name, keyId, type, publicKey } = parseVerifierKey(vkey);
  if (type !== SIGNATURE_TYPE_COSIGNATURE) {
    throw new TlogError("unsupported-key", "the key is not an Ed25519 cosignature key", { keyName: name });
  }
  return {
    name,
    keyId,
    publicKey,
    async verify(text, signature) {
      const timeSeconds = readTimestamp(signature);
      if (timeSeconds === undefined) return false;
      const message = cosignatureMessage(text, timeSeconds);
      return ed25519.verify(publicKey, message, signature.slice(TIMESTAMP_BYTES));
    },
  };
}

/** When a verified cosignature says it was made, in POSIX seconds. Throws `bad-signature` if it is none. */
export function cosignatureTimeSeconds({ name, signature }: NoteSignature): number {
  const timeSeconds = readTimestamp(signature);
  if (timeSeconds !== undefined) return timeSeconds;
  throw new TlogError("bad-signature", "not a cosignature", { keyName: name });
}

function readTimestamp(signature: Uint8Array): number | undefined {
  if (signature.length !== COSIGNATURE_BYTES) return undefined;
  const view = new DataView(signature.buffer, signature.byteOffset, signature.byteLength);
  const timeSeconds = Number(view.getBigUint64(0));
  return Number.isSafeInteger(timeSeconds) ? timeSeconds : undefined;
}
