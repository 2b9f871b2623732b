import { readFileSync } from "node:fs";

/** One entry of vectors/classic/classic-v1-vectors.json; which fields it has depends on its kind. */
export type Vector = { readonly name: string; readonly kind: string } & Readonly<Record<string, unknown>>;

interface VectorFile {
  readonly kinds: Readonly<Record<string, number>>;
  readonly vectors: readonly Vector[];
}

const file = new URL("../../../../vectors/classic/classic-v1-vectors.json", import.meta.url);

/** All vectors, and how many of each kind there must be. */
export const vectorFile = JSON.parse(readFileSync(file, "utf8")) as VectorFile;

/** The vectors of one kind. Throws when the file does not hold as many as it says. */
export function vectorsOf(kind: string): readonly Vector[] {
  const vectors = vectorFile.vectors.filter((vector) => vector.kind === kind);
  if (vectors.length === 0 || vectors.length !== vectorFile.kinds[kind])
    throw new Error(`vectors of ${kind} are missing`);
  return vectors;
}

/** The bytes of a hex field; an odd number of digits is padded in front. */
export function hexBytes(value: unknown): Uint8Array {
  const hex = String(value);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
}

/** The number of a hex field. */
export function hexNumber(value: unknown): bigint {
  return BigInt(`0x${String(value)}`);
}
