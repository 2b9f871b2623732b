import { KEY_BYTES } from "./signature.ts";

/** An X25519 key (RFC 7748) for one exchange. The private half stays in WebCrypto, unextractable. */
export interface EphemeralKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /**
   * @returns the 32 shared bytes, which the caller wipes; `undefined` when `peerKey` is no key or of small order, so
   *   that the result would be zero whatever the own key is (RFC 7748 §6.1).
   */
  agree(peerKey: Uint8Array): Promise<Uint8Array | undefined>;
}

const ALGORITHM = "X25519";
/** PKCS #8 around a private key (RFC 8410 §7). */
const PKCS8_HEAD = Uint8Array.fromHex("302e020100300506032b656e04220420");
/** The base point's u-coordinate. */
const BASE = Uint8Array.of(9, ...new Uint8Array(KEY_BYTES - 1));

/** @returns a fresh key. */
export async function generateEphemeralKey(): Promise<EphemeralKey> {
  const seed = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  try {
    return await ephemeralKeyFromSeed(seed);
  } finally {
    seed.fill(0);
  }
}

/** @returns the key with these 32 private bytes; they may be wiped afterwards. */
export async function ephemeralKeyFromSeed(seed: Uint8Array): Promise<EphemeralKey> {
  const encoded = new Uint8Array([...PKCS8_HEAD, ...seed]);
  try {
    const key = await crypto.subtle.importKey("pkcs8", encoded, ALGORITHM, false, ["deriveBits"]);
    const publicKey = await agreement(key, BASE);
    if (!publicKey) throw new RangeError("not an X25519 key");
    return { publicKey, agree: (peerKey) => agreement(key, peerKey) };
  } finally {
    encoded.fill(0);
  }
}

async function agreement(key: CryptoKey, peerKey: Uint8Array): Promise<Uint8Array | undefined> {
  if (peerKey.length !== KEY_BYTES) return undefined;
  try {
    const raw = peerKey.slice();
    const peer = await crypto.subtle.importKey("raw", raw, ALGORITHM, false, []);
    const bits = await crypto.subtle.deriveBits({ name: ALGORITHM, public: peer }, key, 8 * KEY_BYTES);
    const shared = new Uint8Array(bits);
    // Engines of today refuse these keys themselves, older ones gave zeros.
    return shared.some((byte) => byte !== 0) ? shared : undefined;
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}
