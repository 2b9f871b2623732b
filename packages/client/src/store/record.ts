import { decode as decodeCbor, encode as encodeCbor } from "cborg";
import { StoreError } from "./client-store.ts";

/** A record of the local store: plain data, never class instances. `undefined` members are left out. */
export function encodeRecord(record: object): Uint8Array {
  return encodeCbor(record, { ignoreUndefinedProperties: true });
}

/** Reads what {@link encodeRecord} wrote; `T` is the caller's promise that it wrote it. */
export function decodeRecord<T>(bytes: Uint8Array): T {
  try {
    return decodeCbor(bytes) as T;
  } catch (error) {
    throw new StoreError("unreadable", "a record of the local store is damaged", { cause: error });
  }
}

const SEQ_DIGITS = 14;

/** A log position as a key part: its order as text is its order as a number. */
export function seqKey(seq: number): string {
  return seq.toString(16).padStart(SEQ_DIGITS, "0");
}
