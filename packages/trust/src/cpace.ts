import { ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytesEqual } from "@parley/protocol";
import { equalInConstantTime, Secret } from "./secret.ts";

/**
 * CPACE-RISTR255-SHA512 in the initiator-responder setting (draft-irtf-cfrg-cpace-21), with the key confirmation of its
 * §9.4: a password that two people share turns into a key, and who guesses the password gets one try for each run.
 */

/** Bytes of a public share: an encoded ristretto255 element. */
export const CPACE_SHARE_BYTES = 32;
/** Bytes of a confirmation tag. */
export const CPACE_TAG_BYTES = 64;

type Element = InstanceType<typeof ristretto255.Point>;

const DSI = ascii("CPaceRistretto255");
const DSI_ISK = ascii("CPaceRistretto255_ISK");
const MAC_LABEL = ascii("CPaceMac");
const HASH_BLOCK_BYTES = 128;
const EMPTY = new Uint8Array();

/** What both sides put in. They get one key only if all of it is the same, byte for byte. */
export interface CpaceInput {
  /** The password-related string. */
  readonly password: Secret;
  /** Channel identifier: what both already know of each other, never sent. */
  readonly channel: Uint8Array;
  /** Public session identifier, fresh for each run; empty where there is none. */
  readonly session: Uint8Array;
}

/** What one side sends: its share, and data that the key will bind. */
export interface CpaceMessage {
  readonly share: Uint8Array;
  readonly associated: Uint8Array;
}

/** The private half of a share. */
export class CpaceExchange {
  readonly message: CpaceMessage;
  readonly #role: "initiator" | "responder";
  readonly #session: Uint8Array;
  readonly #scalar: bigint;

  private constructor(options: {
    role: "initiator" | "responder";
    input: CpaceInput;
    associated: Uint8Array;
    scalar: bigint;
  }) {
    const { role, input, associated, scalar } = options;
    const share = calculateGenerator(input).multiply(scalar).toBytes();
    this.message = { share, associated };
    this.#role = role;
    this.#session = input.session;
    this.#scalar = scalar;
  }

  /** Begins one run. `associated` is sent in the clear, and bound by the key. */
  static begin(
    role: "initiator" | "responder",
    input: CpaceInput,
    associated: Uint8Array = EMPTY,
  ): CpaceExchange {
    return new CpaceExchange({ role, input, associated, scalar: randomScalar() });
  }

  /** A run with a chosen scalar (little-endian), for vectors. Whoever knows the scalar can try all passwords. */
  static unsafeTestingBegin(
    role: "initiator" | "responder",
    input: CpaceInput,
    fixed: { readonly associated: Uint8Array; readonly scalar: Uint8Array },
  ): CpaceExchange {
    const scalar = BigInt(`0x${fixed.scalar.slice().reverse().toHex()}`);
    return new CpaceExchange({ role, input, associated: fixed.associated, scalar });
  }

  /**
   * @returns the keys, or `undefined` when the other side's share is no element, the identity, or this side's own sent
   *   back: then the run is over. Keys that the two sides do not have in common show by {@link CpaceKeys.isPeerTag}.
   */
  finish(peer: CpaceMessage): CpaceKeys | undefined {
    if (bytesEqual(peer.share, this.message.share)) return undefined;
    const point = multiplyVerified(this.#scalar, peer.share);
    if (!point) return undefined;
    const [a, b] = this.#role === "initiator" ? [this.message, peer] : [peer, this.message];
    const isk = sha512(
      joinBytes(
        lengthValues(DSI_ISK, this.#session, point),
        lengthValues(a.share, a.associated),
        lengthValues(b.share, b.associated),
      ),
    );
    point.fill(0);
    return new CpaceKeys({ isk, session: this.#session, own: this.message, peer });
  }
}

/** The outcome of a run. Not to be used before the other side's tag was checked. */
export class CpaceKeys {
  /** The intermediate session key, 64 bytes: to be put through a key derivation function. */
  readonly isk: Secret;
  readonly #macKey: Secret;
  readonly #own: CpaceMessage;
  readonly #peer: CpaceMessage;

  constructor(options: {
    isk: Uint8Array;
    session: Uint8Array;
    own: CpaceMessage;
    peer: CpaceMessage;
  }) {
    const { isk, session, own, peer } = options;
    this.isk = new Secret(isk);
    this.#macKey = new Secret(sha512(joinBytes(MAC_LABEL, session, isk)));
    this.#own = own;
    this.#peer = peer;
    isk.fill(0);
  }

  /** What this side sends to show that it has the key: 64 bytes. */
  ownTag(): Uint8Array {
    return this.#tag(this.#own);
  }

  /** Whether the other side has the same key. */
  isPeerTag(tag: Uint8Array): boolean {
    return equalInConstantTime(this.#tag(this.#peer), tag);
  }

  #tag({ share, associated }: CpaceMessage): Uint8Array {
    return hmac(sha512, this.#macKey.expose(), lengthValues(share, associated));
  }
}

/** `generator_string` (draft §7.1): DSI and password fill the first block of the hash. */
export function generatorString({ password, channel, session }: CpaceInput): Uint8Array {
  const prs = password.expose();
  const used = lengthValues(DSI).length + lengthValues(prs).length + 1;
  const padding = new Uint8Array(Math.max(0, HASH_BLOCK_BYTES - used));
  return lengthValues(DSI, prs, padding, channel, session);
}

/** `G.calculate_generator` (draft §7.3). */
export function calculateGenerator(input: CpaceInput): Element {
  const derive = ristretto255_hasher.deriveToCurve;
  if (!derive) throw new TypeError("ristretto255 has no element derivation");
  return derive(sha512(generatorString(input)));
}

/** `G.scalar_mult_vfy` (draft §7.3): `undefined` stands for the identity, as for all that is no element. */
export function multiplyVerified(scalar: bigint, encoded: Uint8Array): Uint8Array | undefined {
  let point: Element;
  try {
    point = ristretto255.Point.fromBytes(encoded);
  } catch {
    // The only thing that decoding can fail at: no element has this encoding.
    return undefined;
  }
  if (point.is0()) return undefined;
  return point.multiply(scalar).toBytes();
}

const ORDER = ristretto255.Point.Fn.ORDER;

/** Uniform in 1 … order - 1: 512 bits are enough that no value is likelier than another. */
function randomScalar(): bigint {
  const bytes = crypto.getRandomValues(new Uint8Array(64));
  const scalar = (BigInt(`0x${bytes.toHex()}`) % (ORDER - 1n)) + 1n;
  bytes.fill(0);
  return scalar;
}

/** `lv_cat`: each string behind its length in LEB128. */
export function lengthValues(...strings: readonly Uint8Array[]): Uint8Array {
  return joinBytes(...strings.flatMap((bytes) => [leb128(bytes.length), bytes]));
}

function leb128(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Uint8Array.from([...bytes, rest]);
}

function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
