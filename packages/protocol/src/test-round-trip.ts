import fc from "fast-check";
import { expect } from "vitest";
import type { ErrorCode } from "./errors.ts";
import { ProtocolError } from "./errors.ts";

/** A pair of functions that a wire format is made of. */
export interface Format<T> {
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => T;
}

/** Every value comes back as it was, from the same bytes each time. */
export function expectRoundTrip<T>({ encode, decode }: Format<T>, values: fc.Arbitrary<T>, runs = 60): void {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = encode(value);
      const back = decode(bytes);
      expect(back).toEqual(value);
      expect(encode(back)).toEqual(bytes);
    }),
    { numRuns: runs },
  );
}

/** Accepts only canonical bytes, and refuses the others with a ProtocolError. @returns whether it accepted. */
export function acceptsOnlyCanonical<T>({ encode, decode }: Format<T>, bytes: Uint8Array): boolean {
  let value: T;
  try {
    value = decode(bytes);
  } catch (error) {
    if (error instanceof ProtocolError && (error.code === "malformed" || error.code === "too-large"))
      return false;
    throw new Error(`not a refusal, for ${bytes.toHex()}`, { cause: error });
  }
  const again = encode(value);
  if (again.toHex() !== bytes.toHex()) throw new Error(`a second encoding of a value: ${bytes.toHex()}`);
  return true;
}

/** Runs `act` and gives back the code of the ProtocolError it throws. */
export function refusal(act: () => unknown): ErrorCode {
  try {
    act();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  throw new Error("was not refused");
}

/** A small generator whose whole state is its seed: fast enough for 100,000 cases. */
function generator(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * Feeds mutants of `valid` (three in four) and random bytes to `check`. @returns how many it accepted.
 *
 * @param seed repeats a run
 */
export function fuzz(
  valid: readonly Uint8Array[],
  cases: number,
  seed: number,
  check: (bytes: Uint8Array) => boolean,
): number {
  const below = generator(seed);
  const random = (length: number) => Uint8Array.from({ length }, () => below(256));
  let accepted = 0;
  for (let i = 0; i < cases; i++) {
    const parent = valid[below(valid.length)];
    const mutant = parent && below(4) > 0 ? mutated(parent, below, random) : random(below(200));
    if (check(mutant)) accepted++;
  }
  return accepted;
}

function mutated(
  parent: Uint8Array,
  below: (limit: number) => number,
  random: (length: number) => Uint8Array,
): Uint8Array {
  const place = below(parent.length + 1);
  const rest = parent.subarray(place);
  const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
  switch (below(5)) {
    case 0:
      return parent.slice(0, place);
    case 1:
      return joined(parent.subarray(0, place), random(1 + below(4)), rest);
    case 2:
      return joined(parent.subarray(0, place), rest.subarray(1 + below(4)));
    case 3: {
      const copy = parent.slice();
      for (let n = below(3); n >= 0; n--) copy[below(copy.length)] = below(256);
      return copy;
    }
    default: {
      const copy = parent.slice();
      copy.set(random(Math.min(4, copy.length - Math.min(place, copy.length))), place);
      return copy;
    }
  }
}
