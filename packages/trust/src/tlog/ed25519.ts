/**
 * RFC 8032 Ed25519, handed in wherever something is signed or verified.
 *
 * `seed` is the 32-byte private key, `publicKey` 32 bytes, `signature` 64 bytes. An implementation must reject
 * signatures whose S is not reduced (RFC 8032 §5.1.7), and answer false, not throw, for any wrong signature or
 * public key that is not a point.
 */
export interface Ed25519 {
  publicKey(seed: Uint8Array): Promise<Uint8Array>;
  sign(seed: Uint8Array, message: Uint8Array): Promise<Uint8Array>;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

/** The platform's own Ed25519 (Node, Deno, Bun and browsers since 2025): about 0.1 ms per verification. */
export const webCryptoEd25519: Ed25519 = {
  async publicKey(seed) {
    const key = await importSeed(seed, true);
    const { x } = await crypto.subtle.exportKey("jwk", key);
    const binary = atob((x ?? "").replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  },

  async sign(seed, message) {
    const key = await importSeed(seed, false);
    return new Uint8Array(await crypto.subtle.sign("Ed25519", key, new Uint8Array(message)));
  },

  async verify(publicKey, message, signature) {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    let key: Awaited<ReturnType<typeof importSeed>>;
    try {
      key = await crypto.subtle.importKey("raw", new Uint8Array(publicKey), "Ed25519", false, ["verify"]);
    } catch (error) {
      if ((error as Error).name === "DataError") return false;
      throw error;
    }
    return crypto.subtle.verify("Ed25519", key, new Uint8Array(signature), new Uint8Array(message));
  },
};

// RFC 8410 §7: what precedes the seed in a PKCS #8 Ed25519 private key.
const PKCS8_PREFIX = [
  0x30, 0x2e, 0x02, 0x01, 0, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

async function importSeed(seed: Uint8Array, extractable: boolean) {
  if (seed.length !== 32) throw new RangeError("an Ed25519 seed has 32 bytes");
  return crypto.subtle.importKey(
    "pkcs8",
    new Uint8Array([...PKCS8_PREFIX, ...seed]),
    "Ed25519",
    extractable,
    ["sign"],
  );
}
