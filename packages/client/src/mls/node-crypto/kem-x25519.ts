import { createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";
import { concat, makeHkdf } from "./hkdf.ts";
import { labeled, uint16 } from "./hpke.ts";
import type { Kem, KemKeyPair, KemPrivateKey, KemPublicKey } from "./kem.ts";
import { memo } from "./kem.ts";
import { privateKey, publicKey, rawBytes } from "./raw-keys.ts";

const KEM_ID = 0x0020;
const EMPTY = new Uint8Array(0);

/** DHKEM(X25519, HKDF-SHA256), RFC 9180 §4.1. */
export function makeX25519Kem(): Kem {
  const kdf = labeled(makeHkdf("sha256"), concat(new TextEncoder().encode("KEM"), uint16(KEM_ID)));
  const importedPublic = memo((key: KemPublicKey) => publicKey("x25519", key.raw));
  const importedPrivate = memo((key: KemPrivateKey) => privateKey("x25519", key.raw));
  const ownPublic = memo((key: KemPrivateKey) => rawBytes(createPublicKey(importedPrivate(key))));

  function sharedSecret(agreed: Uint8Array, encapsulated: Uint8Array, recipient: Uint8Array): Uint8Array {
    const extracted = kdf.extract(EMPTY, "eae_prk", agreed);
    return kdf.expand(extracted, "shared_secret", concat(encapsulated, recipient), 32);
  }

  function pair(raw: Uint8Array): KemKeyPair {
    const key: KemPrivateKey = { raw };
    return { privateKey: key, publicKey: { raw: ownPublic(key) } };
  }

  return {
    id: KEM_ID,
    generate: () => pair(rawBytes(generateKeyPairSync("x25519").privateKey)),
    derive: (inputKey) => pair(kdf.expand(kdf.extract(EMPTY, "dkp_prk", inputKey), "sk", EMPTY, 32)),
    importPublic(raw) {
      const key: KemPublicKey = { raw };
      importedPublic(key);
      return key;
    },
    importPrivate(raw) {
      const key: KemPrivateKey = { raw };
      importedPrivate(key);
      return key;
    },
    encapsulate(recipient) {
      const ephemeral = generateKeyPairSync("x25519");
      const encapsulated = rawBytes(ephemeral.publicKey);
      const agreed = diffieHellman({
        privateKey: ephemeral.privateKey,
        publicKey: importedPublic(recipient),
      });
      return { encapsulated, shared: sharedSecret(agreed, encapsulated, recipient.raw) };
    },
    decapsulate(recipient, encapsulated) {
      const agreed = diffieHellman({
        privateKey: importedPrivate(recipient),
        publicKey: publicKey("x25519", encapsulated),
      });
      return sharedSecret(agreed, encapsulated, ownPublic(recipient));
    },
  };
}
