import type { CipherGCMTypes } from "node:crypto";
import { createCipheriv, createDecipheriv } from "node:crypto";
import { CryptoError } from "ts-mls/mlsError.js";
import { concat, plain } from "./hkdf.ts";

const TAG_BYTES = 16;

export interface Aead {
  /** RFC 9180 §7.3 identifier. */
  readonly id: 1 | 2 | 3;
  readonly keyBytes: 16 | 32;
  readonly nonceBytes: 12;
  seal(
    key: Uint8Array,
    nonce: Uint8Array,
    associatedData: Uint8Array | undefined,
    plaintext: Uint8Array,
  ): Uint8Array;
  /** Throws ts-mls's CryptoError when the tag does not hold. */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    associatedData: Uint8Array | undefined,
    sealed: Uint8Array,
  ): Uint8Array;
}

const CIPHERS = {
  "aes-128-gcm": { id: 1, keyBytes: 16 },
  "aes-256-gcm": { id: 2, keyBytes: 32 },
  "chacha20-poly1305": { id: 3, keyBytes: 32 },
} as const;

export type AeadName = keyof typeof CIPHERS;

export function makeAead(name: AeadName): Aead {
  // The GCM overload describes ChaCha20-Poly1305 as well, given the tag length; its own insists on options we don't need.
  const cipherName = name as CipherGCMTypes;
  return {
    ...CIPHERS[name],
    nonceBytes: 12,
    seal(key, nonce, associatedData, plaintext) {
      const cipher = createCipheriv(cipherName, key, nonce, { authTagLength: TAG_BYTES });
      if (associatedData !== undefined && associatedData.length > 0) cipher.setAAD(associatedData);
      return concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
    },
    open(key, nonce, associatedData, sealed) {
      if (sealed.length < TAG_BYTES) throw new CryptoError("ciphertext shorter than its tag");
      const decipher = createDecipheriv(cipherName, key, nonce, { authTagLength: TAG_BYTES });
      if (associatedData !== undefined && associatedData.length > 0) decipher.setAAD(associatedData);
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      const opened = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
      try {
        decipher.final();
      } catch {
        throw new CryptoError("the tag does not hold");
      }
      return plain(opened);
    },
  };
}
