import { ed25519 } from "@noble/curves/ed25519.js";
import { Secret } from "./secret.ts";

/**
 * What each Ed25519 signature, MAC and hash of this package begins with, so that one made for one purpose is worth
 * nothing for another. No label begins with another one. The server statement needs none: a signed note begins with
 * its own first line.
 */
export const LABELS = {
  chainEntry: "parley-chain-entry-v1",
  sessionKey: "parley-session-key-v1",
  login: "parley-login-v1",
  registration: "parley-registration-v1",
  leaf: "parley-leaf-v1",
  inviteToken: "parley-invite-token-v1",
  joinMac: "parley-join-mac-v1",
  serverCode: "parley-server-code-v1",
  accountCode: "parley-account-code-v1",
  roomCode: "parley-room-code-v1",
  sasCommitment: "parley-sas-commitment-v1",
  sasTranscript: "parley-sas-transcript-v1",
  sasEmoji: "parley-sas-emoji-v1",
  sasConfirm: "parley-sas-confirm-v1",
  shortCodeChannel: "parley-short-code-channel-v1",
  shortCodeKey: "parley-short-code-key-v1",
  vouch: "parley-vouch-v1",
  vouchEnd: "parley-unvouch-v1",
} as const;
/** A purpose; see {@link LABELS}. */
export type Purpose = keyof typeof LABELS;

const encoder = new TextEncoder();

/** @returns the label of `purpose`, then `parts`, one after the other. Parts must have fixed lengths, but the last. */
export function labelled(purpose: Purpose, ...parts: readonly Uint8Array[]): Uint8Array {
  const all = [encoder.encode(LABELS[purpose]), ...parts];
  const joined = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Length of an Ed25519 seed and of a public key. */
export const KEY_BYTES = 32;
/** Length of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;

/** Something that signs with Ed25519 (RFC 8032): a key in memory, in the platform's key store, or on a token. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** @returns 64 bytes. The message must begin with one of {@link LABELS}, or be a signed note. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

const ALGORITHM = "Ed25519";
/** PKCS #8 around a seed (RFC 8410 §7). */
const PKCS8_HEAD = Uint8Array.fromHex("302e020100300506032b657004220420");

/**
 * @param seed 32 bytes; stays the caller's, may be wiped afterwards.
 * @returns a signer that holds the key unextractable in WebCrypto.
 */
export async function signerFromSeed(seed: Secret): Promise<Signer> {
  const encoded = new Uint8Array(PKCS8_HEAD.length + KEY_BYTES);
  encoded.set(PKCS8_HEAD);
  encoded.set(seed.expose(), PKCS8_HEAD.length);
  try {
    const key = await crypto.subtle.importKey("pkcs8", encoded, ALGORITHM, false, ["sign"]);
    return {
      publicKey: ed25519.getPublicKey(seed.expose()),
      sign: async (message) =>
        new Uint8Array(await crypto.subtle.sign(ALGORITHM, key, webCryptoInput(message))),
    };
  } finally {
    encoded.fill(0);
  }
}

/** @returns a fresh key and the seed it comes from; the caller stores the seed or wipes it. */
export async function generateSigner(): Promise<{ readonly signer: Signer; readonly seed: Secret }> {
  const seed = Secret.random(KEY_BYTES);
  return { signer: await signerFromSeed(seed), seed };
}

/**
 * Whether `signature` is one of `publicKey` over `message`. Keys and signatures of a wrong length, keys that are no
 * canonical point, and keys of small order (which pass for any message) are `false`, never a throw.
 */
export async function verifySignature(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (signature.length !== SIGNATURE_BYTES || !isUsablePublicKey(publicKey)) return false;
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey("raw", webCryptoInput(publicKey), ALGORITHM, false, ["verify"]);
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
  return crypto.subtle.verify(ALGORITHM, key, webCryptoInput(signature), webCryptoInput(message));
}

/** y-coordinates, little-endian, of the points of order 1, 2, 4 and 8. The sign bit does not matter. */
const SMALL_ORDER_Y = new Set([
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]);

/** Whether these are 32 bytes with a y-coordinate below 2^255 - 19 and not of small order. */
export function isUsablePublicKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES) return false;
  const y = publicKey.slice();
  y[31] = (y[31] as number) & 0x7f;
  const belowPrime =
    y[31] !== 0x7f || (y[0] as number) < 0xed || y.subarray(1, 31).some((byte) => byte !== 0xff);
  return belowPrime && !SMALL_ORDER_Y.has(y.toHex());
}

/** The DOM's types ask for memory that is not shared between threads; ours never is. */
function webCryptoInput(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
