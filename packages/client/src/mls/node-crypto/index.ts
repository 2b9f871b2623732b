import { createHmac, hash as digest, randomBytes, timingSafeEqual } from "node:crypto";
import type { CiphersuiteImpl, Hash } from "ts-mls";
import type { Suite } from "../engine-types.ts";
import { suiteName } from "../suites.ts";
import type { AeadName } from "./aead.ts";
import { makeAead } from "./aead.ts";
import { asKdf, makeHkdf, plain } from "./hkdf.ts";
import { makeHpke } from "./hpke.ts";
import { makeXWingKem } from "./kem-x-wing.ts";
import { makeX25519Kem } from "./kem-x25519.ts";
import { makeEd25519 } from "./signature.ts";

const PARTS = {
  1: { hash: "sha256", aead: "aes-128-gcm", makeKem: makeX25519Kem },
  3: { hash: "sha256", aead: "chacha20-poly1305", makeKem: makeX25519Kem },
  83: { hash: "sha512", aead: "aes-256-gcm", makeKem: makeXWingKem },
} as const satisfies Record<Suite, { hash: "sha256" | "sha512"; aead: AeadName; makeKem: unknown }>;

const made = new Map<Suite, CiphersuiteImpl>();

/**
 * The suites from synchronous node:crypto primitives, ML-KEM-768 included. The promises ts-mls asks for resolve
 * at once: through WebCrypto each hash would hop to another thread (measured 28–55 µs instead of 1).
 */
export function nodeCrypto(suite: Suite): CiphersuiteImpl {
  const known = made.get(suite);
  if (known !== undefined) return known;
  const { hash, aead, makeKem } = PARTS[suite];
  const hkdf = makeHkdf(hash);
  const implementation: CiphersuiteImpl = {
    name: suiteName(suite),
    hash: makeHash(hash),
    kdf: asKdf(hkdf),
    hpke: makeHpke(makeKem(), hkdf, makeAead(aead)),
    signature: makeEd25519(),
    rng: { randomBytes: (lengthBytes) => plain(randomBytes(lengthBytes)) },
  };
  made.set(suite, implementation);
  return implementation;
}

function makeHash(name: "sha256" | "sha512"): Hash {
  const mac = (key: Uint8Array, data: Uint8Array) => createHmac(name, key).update(data).digest();
  return {
    digest: async (data) => plain(digest(name, data, "buffer")),
    mac: async (key, data) => plain(mac(key, data)),
    async verifyMac(key, claimed, data) {
      const computed = mac(key, data);
      return claimed.length === computed.length && timingSafeEqual(computed, claimed);
    },
  };
}
