import type { Cipheriv, Decipheriv } from "node:crypto";
import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import { inspect } from "node:util";
import { toBytes } from "./numbers.ts";

/** AES block size in bytes; also the length of an IV. */
export const BLOCK_BYTES = 16;

/** Which end of a connection speaks. */
export type Role = "client" | "relay";

/** The AES-256 key of one connection. It does not print: not as text, not as JSON, not in an inspection. */
export class SessionKey {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** SHA-256 of the shared secret without its leading zero bytes (classic-v1 §1). */
  static fromSecret(secret: bigint): SessionKey {
    return new SessionKey(createHash("sha256").update(toBytes(secret)).digest());
  }

  /**
   * Four groups of four hex digits for comparing both ends by voice. Equal on both ends unless somebody sits in the
   * middle; says nothing about the key itself.
   */
  get fingerprint(): string {
    const digest = createHmac("sha256", this.#bytes).update("parley classic fingerprint").digest("hex");
    return (digest.slice(0, 16).match(/.{4}/g) ?? []).join("-");
  }

  /** The key in 64 hex digits, for `--show-secrets` alone. */
  exposeHex(): string {
    return Buffer.from(this.#bytes).toString("hex");
  }

  /**
   * The first IV that an end of ours sends in this connection. To everybody without the key it is 16 random bytes,
   * which is all the wire asks of an IV; to the other end it says: this peer cuts the stream itself.
   */
  firstIv(sender: Role): Uint8Array {
    return createHmac("sha256", this.#bytes)
      .update(`parley classic ${sender}`)
      .digest()
      .subarray(0, BLOCK_BYTES);
  }

  /** An AES-256-CBC encryption that goes on from call to call. */
  encryption(iv: Uint8Array): Cipheriv {
    return createCipheriv("aes-256-cbc", this.#bytes, iv).setAutoPadding(false);
  }

  /** An AES-256-CBC decryption that goes on from call to call; its first block comes out as noise. */
  decryption(): Decipheriv {
    return createDecipheriv("aes-256-cbc", this.#bytes, new Uint8Array(BLOCK_BYTES)).setAutoPadding(false);
  }

  toString(): string {
    return "[SessionKey]";
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}
