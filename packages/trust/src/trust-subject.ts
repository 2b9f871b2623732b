import type { Infer } from "@parley/protocol";
import { fixed, idText, struct, variant } from "@parley/protocol";
import { HASH_BYTES } from "./chain-entry.ts";

const id = fixed(HASH_BYTES);

/** Codec of {@link TrustSubject}. */
export const trustSubject = variant({
  account: [1, struct({ id })],
  server: [2, struct({ id })],
});

/** Whom a statement is about, by the hash of the chain's first entry. */
export type TrustSubject = Infer<typeof trustSubject>;

/** A string that is equal for equal subjects. */
export function subjectText({ kind, id: hash }: TrustSubject): string {
  return `${kind}/${idText(hash)}`;
}

/** What statements about a subject are held against. `AccountState` and `ServerIdentity` are such; settled, verified. */
export interface SubjectChain {
  /** Hash of each entry. */
  readonly entryHashes: readonly Uint8Array[];
  readonly recoveredAtMs?: number;
  /** Absent for a server. */
  readonly status?: "open" | "contested" | "closed";
}
