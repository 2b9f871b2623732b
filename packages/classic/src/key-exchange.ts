import type { DiffieHellman } from "node:crypto";
import { createDiffieHellman, randomBytes } from "node:crypto";
import type { DhGroup } from "./group.ts";
import { judgeServerOffer, requireSoundPublicKey } from "./group.ts";
import { modPow, packNumber, toBytes, unpackNumber } from "./numbers.ts";
import { SessionKey } from "./session-key.ts";

const PRIME_BYTES = 1024;
const GENERATOR_BYTES = 16;
const PUBLIC_KEY_BYTES = 1024;
const PRIVATE_KEY_BYTES = 32;

/** Length of the server's first message: modulus, generator, public key (classic-v1 §1). */
export const HELLO_BYTES = PRIME_BYTES + GENERATOR_BYTES + PUBLIC_KEY_BYTES;

/** Length of the client's answer: its public key. */
export const ANSWER_BYTES = PUBLIC_KEY_BYTES;

/** What a HELLO says. */
export interface Hello extends DhGroup {
  readonly publicKey: bigint;
}

/** `p`, `g` and the public key in their fields of 1024, 16 and 1024 bytes, zero-padded on the left. */
export function encodeHello({ p, g, publicKey }: Hello): Uint8Array {
  return Buffer.concat([
    packNumber(p, PRIME_BYTES),
    packNumber(g, GENERATOR_BYTES),
    packNumber(publicKey, PUBLIC_KEY_BYTES),
  ]);
}

/** Reads exactly HELLO_BYTES bytes; any values are taken, `judgeServerOffer` judges them. */
export function decodeHello(hello: Uint8Array): Hello {
  return {
    p: unpackNumber(hello.subarray(0, PRIME_BYTES)),
    g: unpackNumber(hello.subarray(PRIME_BYTES, PRIME_BYTES + GENERATOR_BYTES)),
    publicKey: unpackNumber(hello.subarray(PRIME_BYTES + GENERATOR_BYTES, HELLO_BYTES)),
  };
}

/** One server-side exchange: what to send, and what to make of the answer. */
export interface KeyOffer {
  readonly hello: Uint8Array;
  /** Takes exactly ANSWER_BYTES bytes. Throws `weak-public-key`. */
  accept(answer: Uint8Array): SessionKey;
}

/**
 * The server's half of the key exchange over one group. Making it costs some 0.2 s for a true prime (OpenSSL proves
 * it prime once more); every offer and every acceptance is then one native exponentiation of about 0.3 ms.
 */
export class ServerKeyExchange {
  readonly group: DhGroup;
  readonly #engine: DiffieHellman;

  constructor(group: DhGroup) {
    this.group = group;
    this.#engine = createDiffieHellman(toBytes(group.p), toBytes(group.g));
  }

  /** Whether OpenSSL finds the modulus to be a safe prime with a usable generator. */
  get hasSafePrime(): boolean {
    return this.#engine.verifyError === 0;
  }

  /** Starts one exchange with a fresh private key, which lives in the offer alone. */
  offer(): KeyOffer {
    const { p } = this.group;
    const engine = this.#engine;
    const privateKey = randomBytes(PRIVATE_KEY_BYTES);
    engine.setPrivateKey(privateKey);
    const hello = encodeHello({ ...this.group, publicKey: unpackNumber(engine.generateKeys()) });
    return {
      hello,
      accept(answer) {
        const publicKey = unpackNumber(answer);
        requireSoundPublicKey(publicKey, p, "client");
        engine.setPrivateKey(privateKey);
        return SessionKey.fromSecret(unpackNumber(engine.computeSecret(toBytes(publicKey))));
      },
    };
  }
}

/** The client's half: what to answer, the key, and what a person should know about the server's parameters. */
export interface KeyAnswer {
  readonly answer: Uint8Array;
  readonly key: SessionKey;
  readonly warnings: readonly string[];
}

/** Answers a HELLO of exactly HELLO_BYTES bytes. Throws what `judgeServerOffer` throws. */
export async function answerHello(hello: Hello): Promise<KeyAnswer> {
  const { p, g, publicKey } = hello;
  const warnings = await judgeServerOffer(hello, publicKey);
  const privateKey = unpackNumber(randomBytes(PRIVATE_KEY_BYTES));
  return {
    answer: packNumber(modPow(g, privateKey, p), ANSWER_BYTES),
    key: SessionKey.fromSecret(modPow(publicKey, privateKey, p)),
    warnings,
  };
}
