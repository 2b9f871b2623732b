import { checkPrimeSync, randomBytes } from "node:crypto";

/** What the search found out about one candidate, in M2Crypto's signs: neither prime, half prime, done. */
export type SearchStep = "." | "+" | "*";

const SIEVE_BOUND = 1 << 19;
const WINDOW = 1 << 17;
// p = 2q + 1 ≡ 23 (mod 24), which makes 2 a generator of the subgroup of order q, as M2Crypto asks for generator 2.
const STEP = 12n;
const FIRST_RESIDUE = 11n;

/**
 * Finds a safe prime p (with q = (p − 1) / 2 prime too) of exactly `bits` bits. Takes 5 to 60 s for 2048 bits, all
 * of it blocking: call it in a worker. `onStep` hears of every candidate that survived the sieve.
 */
export function findSafePrime(bits: number, onStep: (step: SearchStep) => void): bigint {
  const smallPrimes = primesBelow(SIEVE_BOUND);
  for (;;) {
    const base = randomHalf(bits);
    const composite = sieve(base, smallPrimes);
    for (let i = 0; i < WINDOW; i++) {
      if (composite[i]) continue;
      const half = base + BigInt(i) * STEP;
      const p = 2n * half + 1n;
      if (p >> BigInt(bits) !== 0n) break;
      if (!checkPrimeSync(half)) onStep(".");
      else if (!checkPrimeSync(p)) onStep("+");
      else {
        onStep("*");
        return p;
      }
    }
  }
}

/** A random q of `bits` − 1 bits with its two top bits set and q ≡ 11 (mod 12). */
function randomHalf(bits: number): bigint {
  const random = BigInt(`0x${randomBytes(Math.ceil(bits / 8)).toString("hex")}`);
  const width = BigInt(bits - 1);
  const half = (random & ((1n << width) - 1n)) | (3n << (width - 2n));
  return half - (half % STEP) + FIRST_RESIDUE - STEP;
}

/** Marks each i for which a small prime divides q = base + 12 i or 2 q + 1. */
function sieve(base: bigint, smallPrimes: readonly number[]): Uint8Array {
  const composite = new Uint8Array(WINDOW);
  for (const prime of smallPrimes) {
    const residue = Number(base % BigInt(prime));
    const inverse = inverseOfStep(prime);
    const first = ((prime - residue) * inverse) % prime;
    for (let i = first; i < WINDOW; i += prime) composite[i] = 1;
    // 2 q + 1 ≡ 0 exactly when q ≡ (prime − 1) / 2.
    const firstDouble = (((prime - 1) / 2 + prime - residue) * inverse) % prime;
    for (let i = firstDouble; i < WINDOW; i += prime) composite[i] = 1;
  }
  return composite;
}

/** 12⁻¹ mod a prime above 3: the x with 12 x = 1 + k prime, found by trying k. */
function inverseOfStep(prime: number): number {
  const step = Number(STEP);
  for (let k = 1; k < step; k++) {
    if ((1 + k * prime) % step === 0) return (1 + k * prime) / step;
  }
  return 1;
}

/** The primes from 5 up to `bound`; 2 and 3 are settled by q ≡ 11 (mod 12). */
function primesBelow(bound: number): number[] {
  const composite = new Uint8Array(bound);
  const primes: number[] = [];
  for (let n = 2; n < bound; n++) {
    if (composite[n]) continue;
    if (n > 3) primes.push(n);
    for (let multiple = n * n; multiple < bound; multiple += n) composite[multiple] = 1;
  }
  return primes;
}
