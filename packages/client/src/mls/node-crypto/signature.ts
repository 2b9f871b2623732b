import { generateKeyPairSync, sign, verify } from "node:crypto";
import type { Signature } from "ts-mls";
import { plain } from "./hkdf.ts";
import { memo } from "./kem.ts";
import { privateKey, publicKey, rawBytes } from "./raw-keys.ts";

const KEY_BYTES = 32;

/** Ed25519, RFC 8032. Private keys are their 32 raw bytes. */
export function makeEd25519(): Signature {
  const signer = memo((raw: Uint8Array) => privateKey("ed25519", raw));
  // Members' keys are verified again and again; the tree keeps each in one array.
  const verifier = memo((raw: Uint8Array) => publicKey("ed25519", raw));
  return {
    sign: async (signKey, message) => plain(sign(null, message, signer(signKey))),
    // A key of the wrong length verifies nothing; it is no fault of ours.
    verify: async (signatureKey, message, signature) =>
      signatureKey.length === KEY_BYTES && verify(null, message, verifier(signatureKey), signature),
    async keygen() {
      const pair = generateKeyPairSync("ed25519");
      return { publicKey: rawBytes(pair.publicKey), signKey: rawBytes(pair.privateKey) };
    },
  };
}
