// The keys of C2SP signed-note v1.0.0: https://c2sp.org/signed-note

import type { Ed25519 } from "./ed25519.ts";
import { webCryptoEd25519 } from "./ed25519.ts";
import { decodeBase64, encodeBase64, encodeUtf8 } from "./encoding.ts";
import { TlogError } from "./errors.ts";
import { concatBytes, equalBytes, sha256 } from "./sha256.ts";

/** Signature type byte of plain Ed25519 note signatures (signed-note, "Signature types"). */
export const SIGNATURE_TYPE_ED25519 = 0x01;
/** Signature type byte of timestamped Ed25519 cosignatures (tlog-cosignature). */
export const SIGNATURE_TYPE_COSIGNATURE = 0x04;

/** A parsed *vkey*: who signs (`name`, `keyId`), how (`type`), and the public key bytes. */
export interface VerifierKey {
  readonly name: string;
  readonly keyId: number;
  readonly type: number;
  readonly publicKey: Uint8Array;
}

/**
 * Checks signatures of one key. `name` and `keyId` decide which signature lines it is asked about; `verify` gets
 * the UTF-8 bytes of the note text and the signature without its key ID, and answers false for a wrong one.
 */
export interface NoteVerifier {
  readonly name: string;
  readonly keyId: number;
  readonly publicKey: Uint8Array;
  verify(text: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

/** Signs note texts with one key. `sign` returns the signature without its key ID. */
export interface NoteSigner {
  readonly name: string;
  readonly keyId: number;
  sign(text: Uint8Array): Promise<Uint8Array>;
}

/** The text of a private key. It prints as `[secret key]` everywhere; `reveal()` is the only way to the text. */
export class SecretKeyText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return "[secret key]";
  }

  toJSON(): string {
    return "[secret key]";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[secret key]";
  }
}

/** What {@link generateKey} makes: `vkey` to publish, `skey` to store where only its owner reads. */
export interface NoteKeyPair {
  readonly vkey: string;
  readonly skey: SecretKeyText;
}

/** True for a non-empty key name without white space, control characters and `+` (signed-note, "Format"). */
export function isKeyName(name: string): boolean {
  return name.length > 0 && name.isWellFormed() && !/[\p{White_Space}\u0000-\u001f+]/u.test(name);
}

/** The 32-bit key ID: SHA-256(name ‖ "\n" ‖ type ‖ public key), first four bytes, big-endian. */
export function keyId(name: string, type: number, publicKey: Uint8Array): number {
  const digest = sha256(concatBytes(encodeUtf8(`${name}\n`), Uint8Array.of(type), publicKey));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0);
}

/**
 * Reads a verifier key, `<name>+<8 hex digits>+<base64(type ‖ public key)>`, of any type.
 *
 * For the types 0x01 and 0x04 the key must have 32 bytes and the key ID must be the computed one.
 * Throws `malformed-key`.
 */
export function parseVerifierKey(vkey: string): VerifierKey {
  const [, name = "", idHex = "", material = ""] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/su.exec(vkey) ?? [];
  const bytes = decodeBase64(material);
  if (!isKeyName(name) || bytes === undefined || bytes.length < 2) throw malformedKey("verifier");
  const key = { name, keyId: Number.parseInt(idHex, 16), type: bytes[0]!, publicKey: bytes.slice(1) };
  if (isEd25519Type(key.type)) {
    const matches = key.publicKey.length === 32 && key.keyId === keyId(name, key.type, key.publicKey);
    if (!matches) throw malformedKey("verifier");
  }
  return key;
}

/** The vkey text of a key, with the key ID of the recommended construction. Throws `malformed-key`. */
export function formatVerifierKey(key: Omit<VerifierKey, "keyId">): string {
  if (!isKeyName(key.name)) throw malformedKey("verifier");
  const id = keyId(key.name, key.type, key.publicKey);
  return `${key.name}+${formatKeyId(id)}+${encodeBase64(concatBytes(Uint8Array.of(key.type), key.publicKey))}`;
}

/**
 * The verifier of a 0x01 vkey. Throws `malformed-key`, or `unsupported-key` for another type: a witness's 0x04
 * key goes to `cosignatureVerifier`, so that one can never stand in for the other.
 */
export function noteVerifier(vkey: string, ed25519: Ed25519 = webCryptoEd25519): NoteVerifier {
  const { name, keyId: id, type, publicKey } = parseVerifierKey(vkey);
  if (type !== SIGNATURE_TYPE_ED25519) {
    throw new TlogError("unsupported-key", "the key is not a plain Ed25519 note key", { keyName: name });
  }
  return {
    name,
    keyId: id,
    publicKey,
    verify: (text, signature) => ed25519.verify(publicKey, text, signature),
  };
}

/**
 * The signer of a 0x01 private key, `PRIVATE+KEY+<name>+<8 hex digits>+<base64(0x01 ‖ seed)>` (the encoding of
 * golang.org/x/mod/sumdb/note). Throws `malformed-key` or `unsupported-key`.
 */
export async function noteSigner(skey: string, ed25519: Ed25519 = webCryptoEd25519): Promise<NoteSigner> {
  const { name, keyId: id, seed } = await parseSigningKey(skey, SIGNATURE_TYPE_ED25519, ed25519);
  return { name, keyId: id, sign: (text) => ed25519.sign(seed, text) };
}

/**
 * Makes a key pair of type 0x01 (logs) or 0x04 (witnesses). `seed` is for tests and recovery; without it 32 fresh
 * random bytes are used. One seed must never serve two names or types. Throws `malformed-key`.
 */
export async function generateKey(
  options: { readonly name: string; readonly type: number; readonly seed?: Uint8Array },
  ed25519: Ed25519 = webCryptoEd25519,
): Promise<NoteKeyPair> {
  const { name, type } = options;
  if (!isKeyName(name) || !isEd25519Type(type)) throw malformedKey("signing");
  const seed = options.seed ?? crypto.getRandomValues(new Uint8Array(32));
  const publicKey = await ed25519.publicKey(seed);
  const id = formatKeyId(keyId(name, type, publicKey));
  return {
    vkey: formatVerifierKey({ name, type, publicKey }),
    skey: new SecretKeyText(
      `PRIVATE+KEY+${name}+${id}+${encodeBase64(concatBytes(Uint8Array.of(type), seed))}`,
    ),
  };
}

/** The parts of a private key text whose type must be `type`. The caller keeps `seed` in a closure, never in a field. */
export async function parseSigningKey(skey: string, type: number, ed25519: Ed25519) {
  const [, name = "", idHex = "", material = ""] =
    /^PRIVATE\+KEY\+([^+]*)\+([0-9a-f]{8})\+(.*)$/su.exec(skey) ?? [];
  const bytes = decodeBase64(material);
  if (!isKeyName(name) || bytes?.length !== 33 || !isEd25519Type(bytes[0]!)) throw malformedKey("signing");
  if (bytes[0] !== type) {
    throw new TlogError("unsupported-key", "the private key is of another signature type", { keyName: name });
  }
  const seed = bytes.slice(1);
  const publicKey = await ed25519.publicKey(seed);
  const id = Number.parseInt(idHex, 16);
  if (id !== keyId(name, type, publicKey)) throw malformedKey("signing");
  return { name, keyId: id, publicKey, seed };
}

/** True when both wrap the same public key, whatever their names and types (tlog-policy, "duplicate"). */
export function isSamePublicKey(a: NoteVerifier, b: NoteVerifier): boolean {
  return equalBytes(a.publicKey, b.publicKey);
}

function isEd25519Type(type: number): boolean {
  return type === SIGNATURE_TYPE_ED25519 || type === SIGNATURE_TYPE_COSIGNATURE;
}

function formatKeyId(id: number): string {
  return id.toString(16).padStart(8, "0");
}

function malformedKey(kind: "verifier" | "signing"): TlogError {
  return new TlogError("malformed-key", `not a ${kind} key`);
}
