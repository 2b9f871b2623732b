import type { KeyObject } from "node:crypto";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  randomBytes,
} from "node:crypto";
import { concat, plain } from "./hkdf.ts";
import type { Kem, KemKeyPair, KemPrivateKey, KemPublicKey } from "./kem.ts";
import { memo } from "./kem.ts";
import { privateKey, publicKey, rawBytes } from "./raw-keys.ts";

const KEM_ID = 0x647a;
/** `\.//^\`, draft-connolly-cfrg-xwing-kem-10 §5.3. */
const LABEL = Uint8Array.from([0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c]);
const SEED_BYTES = 32;
const MLKEM_SEED_BYTES = 64;
const MLKEM_PUBLIC_BYTES = 1184;
const MLKEM_CIPHERTEXT_BYTES = 1088;
const X25519_BYTES = 32;

interface Halves {
  readonly mlkem: KeyObject;
  readonly x25519: KeyObject;
}

function shake256(input: Uint8Array, outputLength: number): Uint8Array {
  return createHash("shake256", { outputLength }).update(input).digest();
}

function expandSeed(seed: Uint8Array): Halves {
  if (seed.length !== SEED_BYTES)
    throw new RangeError(`an X-Wing key has ${SEED_BYTES} bytes, not ${seed.length}`);
  const expanded = shake256(seed, MLKEM_SEED_BYTES + X25519_BYTES);
  return {
    mlkem: createPrivateKey({
      key: Buffer.from(expanded.subarray(0, MLKEM_SEED_BYTES)),
      format: "raw-seed",
      asymmetricKeyType: "ml-kem-768",
    }),
    x25519: privateKey("x25519", expanded.subarray(MLKEM_SEED_BYTES)),
  };
}

function splitPublic(raw: Uint8Array): Halves {
  if (raw.length !== MLKEM_PUBLIC_BYTES + X25519_BYTES)
    throw new RangeError(
      `an X-Wing public key has ${MLKEM_PUBLIC_BYTES + X25519_BYTES} bytes, not ${raw.length}`,
    );
  return {
    mlkem: createPublicKey({
      key: Buffer.from(raw.subarray(0, MLKEM_PUBLIC_BYTES)),
      format: "raw-public",
      asymmetricKeyType: "ml-kem-768",
    }),
    x25519: publicKey("x25519", raw.subarray(MLKEM_PUBLIC_BYTES)),
  };
}

function publicOf(halves: Halves): Uint8Array {
  const mlkem = createPublicKey(halves.mlkem).export({ format: "raw-public" });
  return concat(mlkem, rawBytes(createPublicKey(halves.x25519)));
}

function combine(
  mlkem: Uint8Array,
  x25519: Uint8Array,
  ciphertext: Uint8Array,
  recipient: Uint8Array,
): Uint8Array {
  const hash = createHash("sha3-256").update(mlkem).update(x25519).update(ciphertext).update(recipient);
  return plain(hash.update(LABEL).digest());
}

/** X-Wing (ML-KEM-768 with X25519), draft-connolly-cfrg-xwing-kem-10. A private key is its 32-byte seed. */
export function makeXWingKem(): Kem {
  const importedPublic = memo((key: KemPublicKey) => splitPublic(key.raw));
  const importedPrivate = memo((key: KemPrivateKey) => expandSeed(key.raw));
  const ownPublic = memo((key: KemPrivateKey) => publicOf(importedPrivate(key)));

  function pair(raw: Uint8Array): KemKeyPair {
    const key: KemPrivateKey = { raw };
    return { privateKey: key, publicKey: { raw: ownPublic(key) } };
  }

  return {
    id: KEM_ID,
    generate: () => pair(plain(randomBytes(SEED_BYTES))),
    derive: (inputKey) => pair(plain(shake256(inputKey, SEED_BYTES))),
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
      const halves = importedPublic(recipient);
      const lattice = encapsulate(halves.mlkem);
      const ephemeral = generateKeyPairSync("x25519");
      const ciphertext = rawBytes(ephemeral.publicKey);
      const agreed = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: halves.x25519 });
      const recipientX = recipient.raw.subarray(MLKEM_PUBLIC_BYTES);
      return {
        encapsulated: concat(lattice.ciphertext, ciphertext),
        shared: combine(lattice.sharedKey, agreed, ciphertext, recipientX),
      };
    },
    decapsulate(recipient, encapsulated) {
      if (encapsulated.length !== MLKEM_CIPHERTEXT_BYTES + X25519_BYTES)
        throw new RangeError("not an X-Wing encapsulation");
      const halves = importedPrivate(recipient);
      const ciphertext = encapsulated.subarray(MLKEM_CIPHERTEXT_BYTES);
      const lattice = decapsulate(
        halves.mlkem,
        Buffer.from(encapsulated.subarray(0, MLKEM_CIPHERTEXT_BYTES)),
      );
      const agreed = diffieHellman({ privateKey: halves.x25519, publicKey: publicKey("x25519", ciphertext) });
      return combine(lattice, agreed, ciphertext, rawBytes(createPublicKey(halves.x25519)));
    },
  };
}
