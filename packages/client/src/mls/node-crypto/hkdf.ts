import { createHmac } from "node:crypto";
import type { Kdf } from "ts-mls";

/** RFC 5869 over the platform's HMAC, synchronous: a thread hop costs more than the hash. */
export interface Hkdf {
  readonly hashName: "sha256" | "sha512";
  readonly sizeBytes: 32 | 64;
  extract(salt: Uint8Array, inputKey: Uint8Array): Uint8Array;
  expand(key: Uint8Array, info: Uint8Array, lengthBytes: number): Uint8Array;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** A plain, exact-length view: node:crypto answers Buffers, whose `slice` shares memory where `Uint8Array`'s copies. */
export function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function hmac(hashName: string, key: Uint8Array, data: Uint8Array): Uint8Array {
  return createHmac(hashName, key).update(data).digest();
}

export function makeHkdf(hashName: "sha256" | "sha512"): Hkdf {
  const sizeBytes = hashName === "sha256" ? 32 : 64;
  const zeroSalt = new Uint8Array(sizeBytes);
  return {
    hashName,
    sizeBytes,
    extract: (salt, inputKey) => plain(hmac(hashName, salt.length === 0 ? zeroSalt : salt, inputKey)),
    expand(key, info, lengthBytes) {
      if (lengthBytes > 255 * sizeBytes) throw new RangeError("HKDF output too long");
      const output = new Uint8Array(lengthBytes);
      let block: Uint8Array = new Uint8Array(0);
      for (let at = 0, counter = 1; at < lengthBytes; at += sizeBytes, counter += 1) {
        block = hmac(hashName, key, concat(block, info, Uint8Array.of(counter)));
        output.set(block.subarray(0, Math.min(sizeBytes, lengthBytes - at)), at);
      }
      return output;
    },
  };
}

export function asKdf(hkdf: Hkdf): Kdf {
  return {
    size: hkdf.sizeBytes,
    extract: async (salt, inputKey) => hkdf.extract(salt, inputKey),
    expand: async (key, info, lengthBytes) => hkdf.expand(key, info, lengthBytes),
  };
}
