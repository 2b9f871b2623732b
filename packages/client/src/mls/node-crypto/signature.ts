import type { KeyObject } from "node:crypto";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import type { Signature } from "ts-mls";
import { plain } from "./hkdf.ts";
import { memo } from "./kem.ts";
import { privateKey, publicKey, rawBytes } from "./raw-keys.ts";

/** Ed25519, RFC 8032. Private keys are their 32 raw bytes. */
export function makeEd25519(): Signature {
  const signer = memo((raw: Uint8Array) => privateKey("ed25519", raw));
  return {
    sign: async (signKey, message) => plain(sign(null, message, signer(signKey))),
    async verify(signatureKey, message, signature) {
      const key = importedOrNothing(signatureKey);
      return key !== undefined && verify(null, message, key, signature);
    },
    async keygen() {
      const pair = generateKeyPairSync("ed25519");
      return { publicKey: rawBytes(pair.publicKey), signKey: rawBytes(pair.privateKey) };
    },
  };
}

/** A key of the wrong length verifies nothing; it is no fault of ours. */
function importedOrNothing(raw: Uint8Array): KeyObject | undefined {
  return raw.length === 32 ? publicKey("ed25519", raw) : undefined;
}
