// C2SP signed-note v1.0.0: https://c2sp.org/signed-note

import { decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from "./encoding.ts";
import { TlogError } from "./errors.ts";
import type { NoteSigner, NoteVerifier } from "./note-key.ts";
import { isKeyName } from "./note-key.ts";
import { concatBytes } from "./sha256.ts";

/** Longest note accepted, in bytes: room for sixteen post-quantum signatures twice over. */
export const MAX_NOTE_BYTES = 262_144;
/** Most signature lines accepted in one note. */
export const MAX_NOTE_SIGNATURES = 100;

/** One signature line: who claims to have signed, and the signature without its key ID. */
export interface NoteSignature {
  readonly name: string;
  readonly keyId: number;
  readonly signature: Uint8Array;
}

/** A note taken apart. Nothing in it is to be believed before {@link verifyNote}. */
export interface Note {
  /** Ends in a newline. */
  readonly text: string;
  /** In the order of the lines; at least one. */
  readonly signatures: readonly NoteSignature[];
}

/** A signature that was checked, with the verifier (one of those handed in) that checked it. */
export interface VerifiedSignature extends NoteSignature {
  readonly verifier: NoteVerifier;
}

/** A note with at least one good signature by a known key, and none by a known key that is wrong. */
export interface VerifiedNote {
  readonly text: string;
  readonly verified: readonly VerifiedSignature[];
  /** Signatures of keys the caller does not know. They say nothing. */
  readonly unknown: readonly NoteSignature[];
}

/** Takes a note apart without checking signatures. `formatNote` gives the same bytes back. Throws `malformed-note`. */
export function parseNote(bytes: Uint8Array): Note {
  if (bytes.length > MAX_NOTE_BYTES) throw malformedNote("the note is too long");
  const note = decodeUtf8(bytes);
  if (note === undefined) throw malformedNote("the note is not UTF-8");
  if (hasControlCharacter(note)) throw malformedNote("the note has a control character");
  const split = note.lastIndexOf("\n\n");
  if (split < 0) throw malformedNote("the note has no signatures");
  return { text: note.slice(0, split + 1), signatures: parseSignatureLines(note.slice(split + 2)) };
}

/** The bytes of a note. Throws `malformed-note` when the result would not parse. */
export function formatNote(note: Note): Uint8Array {
  if (!note.text.endsWith("\n") || !note.text.isWellFormed() || hasControlCharacter(note.text)) {
    throw malformedNote("not a note text");
  }
  if (note.signatures.length === 0) throw malformedNote("a note has at least one signature");
  if (note.signatures.length > MAX_NOTE_SIGNATURES) throw malformedNote("too many signatures");
  const bytes = encodeUtf8(`${note.text}\n${formatSignatureLines(note.signatures)}`);
  if (bytes.length > MAX_NOTE_BYTES) throw malformedNote("the note is too long");
  return bytes;
}

/** Reads one or more lines `— <name> <base64(key ID ‖ signature)>`. Throws `malformed-note`. */
export function parseSignatureLines(lines: string): readonly NoteSignature[] {
  if (!lines.endsWith("\n")) throw malformedNote("the last signature line does not end in a newline");
  const signatures = lines
    .slice(0, -1)
    .split("\n", MAX_NOTE_SIGNATURES + 1)
    .map(parseSignatureLine);
  if (signatures.length > MAX_NOTE_SIGNATURES) throw malformedNote("too many signatures");
  return signatures;
}

/** The signature lines of a note, each ending in a newline. Throws `malformed-note`. */
export function formatSignatureLines(signatures: readonly NoteSignature[]): string {
  return signatures.map(formatSignatureLine).join("");
}

/**
 * Checks every signature made under the name and key ID of one of `verifiers`, and ignores all others.
 *
 * Throws `bad-signature` when one of those is wrong (the whole note is refused), `not-signed` when there is none,
 * and `ambiguous-key` when two of `verifiers` have the same name and key ID.
 */
export async function verifyNote(note: Note, verifiers: readonly NoteVerifier[]): Promise<VerifiedNote> {
  const known = new Map<string, NoteVerifier>();
  for (const verifier of verifiers) {
    const key = `${verifier.keyId} ${verifier.name}`;
    if (known.has(key)) {
      throw new TlogError("ambiguous-key", "two known keys share name and key ID", {
        keyName: verifier.name,
      });
    }
    known.set(key, verifier);
  }

  const text = encodeUtf8(note.text);
  const verified: VerifiedSignature[] = [];
  const unknown: NoteSignature[] = [];
  for (const signature of note.signatures) {
    const verifier = known.get(`${signature.keyId} ${signature.name}`);
    if (verifier === undefined) {
      unknown.push(signature);
    } else if (await verifier.verify(text, signature.signature)) {
      verified.push({ ...signature, verifier });
    } else {
      throw new TlogError("bad-signature", "a known key's signature is wrong", { keyName: verifier.name });
    }
  }
  if (verified.length === 0) throw new TlogError("not-signed", "no known key signed the note");
  return { text: note.text, verified, unknown };
}

/** {@link parseNote}, then {@link verifyNote}. */
export async function openNote(bytes: Uint8Array, verifiers: readonly NoteVerifier[]): Promise<VerifiedNote> {
  return verifyNote(parseNote(bytes), verifiers);
}

/** Signs `text` (ending in a newline) with each of `signers`, at least one. Throws `malformed-note`. */
export async function signNote(text: string, signers: readonly NoteSigner[]): Promise<Uint8Array> {
  const bytes = encodeUtf8(text);
  const signatures: NoteSignature[] = [];
  for (const signer of signers) {
    signatures.push({ name: signer.name, keyId: signer.keyId, signature: await signer.sign(bytes) });
  }
  return formatNote({ text, signatures });
}

function parseSignatureLine(line: string): NoteSignature {
  const [dash, name, encoded, ...rest] = line.split(" ");
  const bytes = encoded === undefined ? undefined : decodeBase64(encoded);
  if (dash !== "—" || name === undefined || !isKeyName(name) || bytes === undefined || rest.length > 0) {
    throw malformedNote("not a signature line");
  }
  if (bytes.length < 5) throw malformedNote("the signature is too short");
  return { name, keyId: new DataView(bytes.buffer).getUint32(0), signature: bytes.slice(4) };
}

function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  if (!isKeyName(name) || signature.length === 0) throw malformedNote("not a signature");
  const id = new Uint8Array(4);
  new DataView(id.buffer).setUint32(0, keyId);
  return `— ${name} ${encodeBase64(concatBytes(id, signature))}\n`;
}

function hasControlCharacter(text: string): boolean {
  return /[\u0000-\u0009\u000b-\u001f]/.test(text);
}

function malformedNote(message: string): TlogError {
  return new TlogError("malformed-note", message);
}
