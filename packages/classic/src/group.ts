import { checkPrime } from "node:crypto";
import { promisify } from "node:util";
import { ClassicError } from "./errors.ts";
import { toBytes } from "./numbers.ts";

/** Diffie–Hellman parameters as they stand on the wire: modulus and generator. */
export interface DhGroup {
  readonly p: bigint;
  readonly g: bigint;
}

/** RFC 3526 §3, the 2048-bit MODP group: 2^2048 − 2^1984 − 1 + 2^64 × (⌊2^1918 π⌋ + 124476). */
export const MODP14: DhGroup = {
  p: BigInt(
    `0x${[
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74",
      "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437",
      "4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed",
      "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf05",
      "98da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb",
      "9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b",
      "e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf695581718",
      "3995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff",
    ].join("")}`,
  ),
  g: 2n,
};

const MIN_MODULUS_BITS = 1024;
const SOUND_MODULUS_BITS = 2048;

const isPrime = promisify(checkPrime) as (candidate: bigint) => Promise<boolean>;

/** The number of bits of a positive number. */
export function bitLength(value: bigint): number {
  return value.toString(2).length;
}

/**
 * The prime inside a modulus that M2Crypto's MPI form was read into as one number, or undefined when `modulus` is
 * not such a number. An original server sends four bytes of length and a zero sign byte in front of its prime
 * (classic-v1 §1), hence 0x010100 << 2048 | p.
 */
export function primeInsideMpi(modulus: bigint): bigint | undefined {
  const wireBytes = toBytes(modulus).length;
  for (let lengthBytes = 1; lengthBytes <= 3; lengthBytes++) {
    const numberBytes = wireBytes - lengthBytes;
    const numberBits = BigInt(numberBytes * 8);
    if (numberBytes < 2 || modulus >> numberBits !== BigInt(numberBytes)) continue;
    const inner = modulus & ((1n << numberBits) - 1n);
    if (bitLength(inner) === (numberBytes - 1) * 8) return inner;
  }
  return undefined;
}

/** Whether these are the parameters of an unmodified original server, to whom packets must go one by one. */
export function isOriginalServerGroup({ p, g }: DhGroup): boolean {
  return g === 0x102n && primeInsideMpi(p) !== undefined;
}

/**
 * Judges the parameters and public key a server sent. Resolves to warnings for a person, none for a sound group.
 * Throws `degenerate-group` or `weak-public-key` when no secret could come of them. The one composite modulus let
 * through is the original server's, since such a server can offer nothing else.
 */
export async function judgeServerOffer(group: DhGroup, publicKey: bigint): Promise<string[]> {
  const { p, g } = group;
  if (p < 5n || p % 2n === 0n || bitLength(p) < MIN_MODULUS_BITS) {
    throw new ClassicError("degenerate-group", "The server's modulus is too small or even: refused.");
  }
  if (g < 2n || g > p - 2n) {
    throw new ClassicError("degenerate-group", "The server's generator makes every key the same: refused.");
  }
  requireSoundPublicKey(publicKey, p, "server");
  const warnings: string[] = [];
  const inner = primeInsideMpi(p);
  if (p === MODP14.p) return warnings;
  if (inner !== undefined && (await isPrime(inner))) {
    warnings.push(
      `Warning: the server's modulus has ${bitLength(p)} bits and is not prime. That is the fault of the original ` +
        `server: it takes the length M2Crypto puts in front of the prime as part of the number (and sends ${g} ` +
        "where it means 2). Accepted, because it can offer nothing else; this key exchange is weaker than it looks.",
    );
  } else if (!(await isPrime(p))) {
    throw new ClassicError("degenerate-group", "The server's modulus is not a prime: refused.");
  }
  if (bitLength(p) < SOUND_MODULUS_BITS) {
    warnings.push(`Warning: the server's modulus has only ${bitLength(p)} bits.`);
  }
  return warnings;
}

/** Throws `weak-public-key` unless 2 ≤ key ≤ p − 2 (classic-v1 §6 rule 1). */
export function requireSoundPublicKey(publicKey: bigint, p: bigint, whose: "client" | "server"): void {
  if (publicKey < 2n || publicKey > p - 2n) {
    throw new ClassicError("weak-public-key", `The ${whose}'s public key gives the secret away: refused.`);
  }
}
