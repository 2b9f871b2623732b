import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const CIPHER = "aes-256-gcm";
const SALT_BYTES = 24;
const COMMITMENT_BYTES = 20;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** By how much sealed bytes are longer than what they hide. */
export const SEAL_BYTES = SALT_BYTES + COMMITMENT_BYTES + TAG_BYTES;

/** What {@link unseal} found when it did not find the plaintext. */
export type UnsealFailure =
  /** Sealed with another key, or the first bytes are damaged. */
  | "other-key"
  /** Sealed with this key, and changed since or sealed for another place. */
  | "damaged";

/**
 * Seals `plaintext` for one place, which `context` names: `salt (24) ‖ commitment (20) ‖ AES-256-GCM ciphertext ‖ tag
 * (16)`. Key, nonce and commitment are HMAC-SHA-512 of a random salt under `key` (32 bytes), so that no number of seals
 * wears the key out and sealed bytes open under one key only.
 */
export function seal(key: Uint8Array, context: string, plaintext: Uint8Array): Uint8Array {
  const salt = randomBytes(SALT_BYTES);
  const { once, nonce, commitment, wipe } = derive(key, salt);
  try {
    const cipher = createCipheriv(CIPHER, once, nonce).setAAD(Buffer.from(context, "utf8"));
    const parts = [salt, commitment, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
    return new Uint8Array(Buffer.concat(parts));
  } finally {
    wipe();
  }
}

/** The other end of {@link seal}. Throws nothing for bytes of any kind. */
export function unseal(key: Uint8Array, context: string, sealed: Uint8Array): Uint8Array | UnsealFailure {
  if (sealed.length < SEAL_BYTES) return "damaged";
  const given = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const body = SALT_BYTES + COMMITMENT_BYTES;
  const { once, nonce, commitment, wipe } = derive(key, given.subarray(0, SALT_BYTES));
  try {
    if (!timingSafeEqual(commitment, given.subarray(SALT_BYTES, body))) return "other-key";
    const decipher = createDecipheriv(CIPHER, once, nonce)
      .setAAD(Buffer.from(context, "utf8"))
      .setAuthTag(given.subarray(given.length - TAG_BYTES));
    const plaintext = decipher.update(given.subarray(body, given.length - TAG_BYTES));
    return isAuthentic(decipher) ? new Uint8Array(plaintext) : "damaged";
  } finally {
    wipe();
  }
}

function isAuthentic(decipher: ReturnType<typeof createDecipheriv>): boolean {
  try {
    decipher.final();
    return true;
  } catch {
    // Node says a wrong tag only by throwing.
    return false;
  }
}

function derive(key: Uint8Array, salt: Uint8Array) {
  const derived = createHmac("sha512", key).update(salt).digest();
  return {
    once: derived.subarray(0, KEY_BYTES),
    nonce: derived.subarray(KEY_BYTES, KEY_BYTES + NONCE_BYTES),
    commitment: derived.subarray(KEY_BYTES + NONCE_BYTES),
    wipe: () => derived.fill(0),
  };
}
