import { codeFor, parseCode } from "./digits.ts";
import { TrustError } from "./errors.ts";
import { equalInConstantTime } from "./secret.ts";

const MIN_AUTHENTICATOR_BYTES = 32;

/**
 * @param epochAuthenticator `epoch_authenticator` of the room's present MLS epoch (RFC 9420 §8.7), 32 bytes or more.
 * @returns 30 digits in six groups that all members read alike (trust.md §A1, "Room check"). Equal digits mean one
 *   member list and one history of changes; that the members are who they say they are, they do not mean. They change
 *   with each commit. Throws `malformed`.
 */
export function roomCode(epochAuthenticator: Uint8Array): string {
  if (epochAuthenticator.length < MIN_AUTHENTICATOR_BYTES) {
    throw new TrustError("malformed", "epoch authenticator");
  }
  return codeFor("roomCode", epochAuthenticator);
}

/** Whether typed digits are the room's, compared in constant time. Throws `code-invalid` when they are no code at all. */
export function isRoomCode(typed: string, epochAuthenticator: Uint8Array): boolean {
  const encoder = new TextEncoder();
  const [own, other] = [roomCode(epochAuthenticator), typed].map((code) => encoder.encode(parseCode(code)));
  return equalInConstantTime(own as Uint8Array, other as Uint8Array);
}
