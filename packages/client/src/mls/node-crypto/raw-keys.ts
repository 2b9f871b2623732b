import type { KeyObject } from "node:crypto";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { concat, plain } from "./hkdf.ts";

/** DER up to the 32 raw bytes, for the two curves of RFC 8410. */
const PREFIXES = {
  x25519: {
    public: Uint8Array.from([0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00]),
    private: Uint8Array.from([
      0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20,
    ]),
  },
  ed25519: {
    public: Uint8Array.from([0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]),
    private: Uint8Array.from([
      0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ]),
  },
} as const;

type Curve = keyof typeof PREFIXES;

const RAW_BYTES = 32;

function checkLength(raw: Uint8Array): void {
  if (raw.length !== RAW_BYTES) throw new RangeError(`a raw key has ${RAW_BYTES} bytes, not ${raw.length}`);
}

export function publicKey(curve: Curve, raw: Uint8Array): KeyObject {
  checkLength(raw);
  return createPublicKey({
    key: Buffer.from(concat(PREFIXES[curve].public, raw)),
    format: "der",
    type: "spki",
  });
}

export function privateKey(curve: Curve, raw: Uint8Array): KeyObject {
  checkLength(raw);
  const der = Buffer.from(concat(PREFIXES[curve].private, raw));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

/** The 32 raw bytes of a public or private key of either curve. */
export function rawBytes(key: KeyObject): Uint8Array {
  const der =
    key.type === "public"
      ? key.export({ format: "der", type: "spki" })
      : key.export({ format: "der", type: "pkcs8" });
  return plain(der.subarray(der.length - RAW_BYTES));
}
