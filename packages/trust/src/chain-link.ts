import { bytesEqual } from "@parley/protocol";
import type { ChainEntry, EntryBodies, EntryType, UnsignedEntry } from "./chain-entry.ts";
import { chainEntryHash, encodeChainEntry, signedBytes, ZERO_HASH } from "./chain-entry.ts";
import type { TrustErrorCode } from "./errors.ts";
import { TrustError } from "./errors.ts";
import type { Signer } from "./signature.ts";
import { verifySignature } from "./signature.ts";

/** How far an entry's time may lie ahead of the reader's clock. */
export const CLOCK_SKEW_MS = 5 * 60 * 1000;

/** The end of a chain: what the next entry hangs on. */
export interface ChainHead {
  /** Server or account id; zeros before the genesis. */
  readonly subject: Uint8Array;
  /** Number of entries, which is the `seq` of the next one. */
  readonly length: number;
  /** Hash of the last entry; zeros before the genesis. */
  readonly head: Uint8Array;
  /** Time of the last entry; 0 before the genesis. */
  readonly headTimeMs: number;
}

/** The head that a genesis hangs on. */
export const NO_HEAD: ChainHead = { subject: ZERO_HASH, length: 0, head: ZERO_HASH, headTimeMs: 0 };

/** Makes the entry that follows `head`, signed by `signers` in the order its type gives. */
export async function makeEntry<K extends EntryType>(
  head: ChainHead,
  content: { readonly type: K; readonly body: EntryBodies[K]; readonly nowMs: number },
  signers: readonly Signer[],
): Promise<Uint8Array> {
  const unsigned = {
    type: content.type,
    subject: head.subject,
    seq: head.length,
    prev: head.head,
    timeMs: Math.max(content.nowMs, head.headTimeMs),
    body: content.body,
  } as unknown as UnsignedEntry;
  const message = signedBytes(unsigned);
  const signatures = await Promise.all(signers.map((signer) => signer.sign(message)));
  return encodeChainEntry({ ...unsigned, signatures } as ChainEntry);
}

/**
 * Throws when `entry` does not hang on `head`: `chain-subject`, `chain-seq`, `chain-prev`, or `chain-time` when it is
 * older than the head or later than `latestMs`.
 */
export function checkLink(head: ChainHead, entry: ChainEntry, latestMs: number): void {
  const { seq } = entry;
  const expect = (holds: boolean, code: TrustErrorCode) => {
    if (!holds) throw new TrustError(code, entry.type, { seq });
  };
  expect(bytesEqual(entry.subject, head.subject), "chain-subject");
  expect(seq === head.length, "chain-seq");
  expect(bytesEqual(entry.prev, head.head), "chain-prev");
  expect(entry.timeMs >= head.headTimeMs && entry.timeMs <= latestMs, "chain-time");
}

/** Throws `chain-signature` unless the entry has exactly the signatures of `publicKeys`, in that order. */
export async function checkSignatures(entry: ChainEntry, publicKeys: readonly Uint8Array[]): Promise<void> {
  const failure = new TrustError("chain-signature", entry.type, { seq: entry.seq });
  if (entry.signatures.length !== publicKeys.length) throw failure;
  const message = signedBytes(entry);
  for (const [place, publicKey] of publicKeys.entries()) {
    if (!(await verifySignature(publicKey, message, entry.signatures[place] as Uint8Array))) throw failure;
  }
}

/** @returns the head after `entry`, whose bytes are `bytes`. */
export function advance(head: ChainHead, entry: ChainEntry, bytes: Uint8Array): ChainHead {
  const hash = chainEntryHash(bytes);
  return {
    subject: head.length === 0 ? hash : head.subject,
    length: head.length + 1,
    head: hash,
    headTimeMs: entry.timeMs,
  };
}

/** What a client keeps of a chain to recognise it later. */
export interface ChainPin {
  /** Number of entries that were verified. */
  readonly length: number;
  /** Hash of the last of them. */
  readonly head: Uint8Array;
}

/** How a verified chain, given by the hashes of its entries, relates to what a client remembers of it. */
export function relationToPin(
  pin: ChainPin,
  entryHashes: readonly Uint8Array[],
): "same" | "follows" | "shorter" | "forked" {
  if (entryHashes.length < pin.length) return "shorter";
  const pinned = entryHashes[pin.length - 1];
  if (!pinned || !bytesEqual(pinned, pin.head)) return "forked";
  return entryHashes.length === pin.length ? "same" : "follows";
}
