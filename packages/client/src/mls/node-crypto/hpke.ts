import type { Hpke, PrivateKey, PublicKey } from "ts-mls";
import type { Aead } from "./aead.ts";
import type { Hkdf } from "./hkdf.ts";
import { concat } from "./hkdf.ts";
import type { Kem, KemPrivateKey, KemPublicKey } from "./kem.ts";

const EMPTY = new Uint8Array(0);
const VERSION_LABEL = ascii("HPKE-v1");
const MODE_BASE = Uint8Array.of(0);
/** RFC 9180 §7.2 identifiers. */
const KDF_IDS = { sha256: 1, sha512: 3 } as const;

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** RFC 9180 §4: LabeledExtract and LabeledExpand under one suite identifier. */
export function labeled(hkdf: Hkdf, suiteId: Uint8Array) {
  return {
    extract: (salt: Uint8Array, label: string, inputKey: Uint8Array) =>
      hkdf.extract(salt, concat(VERSION_LABEL, suiteId, ascii(label), inputKey)),
    expand: (key: Uint8Array, label: string, info: Uint8Array, lengthBytes: number) =>
      hkdf.expand(key, concat(uint16(lengthBytes), VERSION_LABEL, suiteId, ascii(label), info), lengthBytes),
  };
}

/** RFC 9180 base mode, single-shot, as RFC 9420 §5.1.3 and §8.3 use it. */
export function makeHpke(kem: Kem, hkdf: Hkdf, aead: Aead): Hpke {
  const suiteId = concat(ascii("HPKE"), uint16(kem.id), uint16(KDF_IDS[hkdf.hashName]), uint16(aead.id));
  const kdf = labeled(hkdf, suiteId);
  const pskIdHash = kdf.extract(EMPTY, "psk_id_hash", EMPTY);

  /** RFC 9180 §5.1. */
  function schedule(shared: Uint8Array, info: Uint8Array) {
    const context = concat(MODE_BASE, pskIdHash, kdf.extract(EMPTY, "info_hash", info));
    const secret = kdf.extract(shared, "secret", EMPTY);
    return {
      key: () => kdf.expand(secret, "key", context, aead.keyBytes),
      nonce: () => kdf.expand(secret, "base_nonce", context, aead.nonceBytes),
      exporter: () => kdf.expand(secret, "exp", context, hkdf.sizeBytes),
    };
  }

  const exported = (exporter: Uint8Array, context: Uint8Array, lengthBytes: number) =>
    kdf.expand(exporter, "sec", context, lengthBytes);

  return {
    keyLength: aead.keyBytes,
    nonceLength: aead.nonceBytes,
    async seal(recipient, plaintext, info, associatedData) {
      const { encapsulated, shared } = kem.encapsulate(fromHandle(recipient));
      const keys = schedule(shared, info);
      return { ct: aead.seal(keys.key(), keys.nonce(), associatedData, plaintext), enc: encapsulated };
    },
    async open(recipient, encapsulated, sealed, info, associatedData) {
      const keys = schedule(kem.decapsulate(fromHandle(recipient), encapsulated), info);
      return aead.open(keys.key(), keys.nonce(), associatedData, sealed);
    },
    async exportSecret(recipient, context, lengthBytes, info) {
      const { encapsulated, shared } = kem.encapsulate(fromHandle(recipient));
      const secret = exported(schedule(shared, info).exporter(), context, lengthBytes);
      return { enc: encapsulated, secret };
    },
    async importSecret(recipient, context, encapsulated, lengthBytes, info) {
      const shared = kem.decapsulate(fromHandle(recipient), encapsulated);
      return exported(schedule(shared, info).exporter(), context, lengthBytes);
    },
    importPrivateKey: async (raw) => toHandle<PrivateKey>(kem.importPrivate(raw)),
    importPublicKey: async (raw) => toHandle<PublicKey>(kem.importPublic(raw)),
    exportPublicKey: async (key) => fromHandle(key).raw.slice(),
    exportPrivateKey: async (key) => fromHandle(key).raw.slice(),
    encryptAead: async (key, nonce, associatedData, plaintext) =>
      aead.seal(key, nonce, associatedData, plaintext),
    decryptAead: async (key, nonce, associatedData, sealed) => aead.open(key, nonce, associatedData, sealed),
    async deriveKeyPair(inputKey) {
      const pair = kem.derive(inputKey);
      return {
        privateKey: toHandle<PrivateKey>(pair.privateKey),
        publicKey: toHandle<PublicKey>(pair.publicKey),
      };
    },
    async generateKeyPair() {
      const pair = kem.generate();
      return {
        privateKey: toHandle<PrivateKey>(pair.privateKey),
        publicKey: toHandle<PublicKey>(pair.publicKey),
      };
    },
  };
}

/** ts-mls passes keys through without looking into them, under WebCrypto's type. */
function toHandle<Handle extends PublicKey | PrivateKey>(key: KemPublicKey | KemPrivateKey): Handle {
  return key as unknown as Handle;
}

function fromHandle(handle: PublicKey | PrivateKey): KemPublicKey & KemPrivateKey {
  return handle as unknown as KemPublicKey & KemPrivateKey;
}
