import type { CiphersuiteImpl, CiphersuiteName } from "ts-mls";
import type { Suite } from "./engine-types.ts";

const NAMES = {
  1: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
  3: "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
  83: "MLS_256_XWING_AES256GCM_SHA512_Ed25519",
} as const satisfies Record<Suite, CiphersuiteName>;

/**
 * Gives the primitives of a suite. `nodeCrypto` (`./node.ts`) does in Node; a browser hands in its own.
 * Implementations answer the same value for the same suite, and refuse a forged ciphertext by an exception.
 */
export type MlsCrypto = (suite: Suite) => CiphersuiteImpl;

export function suiteName(suite: Suite): CiphersuiteName {
  return NAMES[suite];
}

/** `undefined` for a suite outside our profile. */
export function suiteByName(name: string): Suite | undefined {
  for (const suite of [1, 3, 83] as const) if (NAMES[suite] === name) return suite;
  return undefined;
}
