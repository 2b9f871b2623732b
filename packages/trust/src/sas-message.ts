import type { Infer } from "@parley/protocol";
import { decode, encode, fixed, oneOf, ProtocolError, struct, variant } from "@parley/protocol";
import { HASH_BYTES } from "./chain-entry.ts";
import { checkParty } from "./check-party.ts";
import { KEY_BYTES } from "./signature.ts";

/** Bytes of the nonce that makes each comparison its own. */
export const SAS_NONCE_BYTES = 16;

/** Why a comparison ended without result. */
export const SAS_REASONS = [
  /** A person stopped it, or it took too long. */
  "cancelled",
  /** The person saw other pictures: somebody is in between. */
  "different",
  /** The other side is not the device, or not in the state, that this side's log shows. */
  "party-mismatch",
  /** The key shown is not the one committed to before. */
  "commitment-mismatch",
  /** A key of small order, or this side's own key sent back. */
  "bad-key",
  /** The other side's confirmation is not over the same keys. */
  "confirmation-mismatch",
  /** A message that has no place here. */
  "unexpected",
  /** Not a message. */
  "malformed",
] as const;
/** One of {@link SAS_REASONS}. */
export type SasReason = (typeof SAS_REASONS)[number];

const hash = fixed(HASH_BYTES);

export const sasMessage = variant({
  start: [1, struct({ party: checkParty, nonce: fixed(SAS_NONCE_BYTES) })],
  commit: [2, struct({ party: checkParty, commitment: hash })],
  key: [3, struct({ key: fixed(KEY_BYTES) })],
  confirm: [4, struct({ mac: hash })],
  abort: [5, struct({ reason: oneOf(SAS_REASONS) })],
});
/** What travels between the two sides, over any channel, however hostile. */
export type SasMessage = Infer<typeof sasMessage>;

export function encodeSasMessage(message: SasMessage): Uint8Array {
  return encode(sasMessage, message);
}

/** @returns `undefined` for what is no message. */
export function decodeSasMessage(bytes: Uint8Array): SasMessage | undefined {
  try {
    return decode(sasMessage, bytes.slice());
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
