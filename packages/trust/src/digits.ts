import { sha256 } from "@noble/hashes/sha2.js";
import { TrustError } from "./errors.ts";
import { equalInConstantTime } from "./secret.ts";
import type { Purpose } from "./signature.ts";
import { labelled } from "./signature.ts";

/** Digits of a code for one id: just under 100 bits. */
export const CODE_DIGITS = 30;
const GROUP_DIGITS = 5;

/** @returns the server's code as people read it to each other: 30 digits in six groups. */
export function serverCode(serverId: Uint8Array): string {
  return codeFor("serverCode", serverId);
}

/** @returns the 60 digits two people compare: 30 for each account, the same for both of them. */
export function safetyNumber(oneAccountId: Uint8Array, otherAccountId: Uint8Array): string {
  const codes = [oneAccountId, otherAccountId].map((id) => digitsOf("accountCode", id));
  return grouped(codes.sort().join(""));
}

/**
 * Reads a code as people type or paste it: white space, dashes and dots between digits, full-width digits.
 * @returns its bare digits. Throws `code-invalid` unless there are `length`.
 */
export function parseCode(typed: string, length: number = CODE_DIGITS): string {
  const digits = typed.normalize("NFKC").replace(/[\s\p{Dash_Punctuation}.]/gu, "");
  if (digits.length !== length || !/^[0-9]*$/.test(digits)) throw new TrustError("code-invalid");
  return digits;
}

/** Whether a typed code is the server's, compared in constant time. Throws `code-invalid` when it is no code at all. */
export function isServerCode(typed: string, serverId: Uint8Array): boolean {
  return sameDigits(parseCode(typed), digitsOf("serverCode", serverId));
}

/** Whether a typed 60-digit number is that of these two accounts. Throws `code-invalid`. */
export function isSafetyNumber(typed: string, oneAccountId: Uint8Array, otherAccountId: Uint8Array): boolean {
  const length = 2 * CODE_DIGITS;
  return sameDigits(parseCode(typed, length), parseCode(safetyNumber(oneAccountId, otherAccountId), length));
}

function sameDigits(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  return equalInConstantTime(encoder.encode(a), encoder.encode(b));
}

/** @returns the digits of `id` for one purpose, in groups. */
export function codeFor(purpose: Purpose, id: Uint8Array): string {
  return grouped(digitsOf(purpose, id));
}

/** The hash as a number, modulo 10^30: 256 bits are enough that no digit is likelier than another. */
function digitsOf(purpose: Purpose, id: Uint8Array): string {
  const number = BigInt(`0x${sha256(labelled(purpose, id)).toHex()}`);
  return (number % 10n ** BigInt(CODE_DIGITS)).toString().padStart(CODE_DIGITS, "0");
}

function grouped(digits: string): string {
  return (digits.match(new RegExp(`.{${GROUP_DIGITS}}`, "g")) ?? []).join(" ");
}
