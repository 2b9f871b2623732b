import {
  CodecError,
  CryptoError,
  CryptoVerificationError,
  UsageError,
  ValidationError,
} from "ts-mls/mlsError.js";
import type { MlsErrorCode } from "./errors.ts";
import { MlsError } from "./errors.ts";
import type { LeafGuard } from "./leaf-guard.ts";

/** The library tells these apart by text alone; `faults.test.ts` holds each to what the installed version says. */
const CODES_BY_MESSAGE: Readonly<Record<string, MlsErrorCode>> = {
  "Desired gen in the past": "replayed",
  "Desired generation too far in the future": "gap",
  "Could not validate credential": "unauthenticated",
  "No matching secret found": "not-for-us",
  "Cannot send application message with unapplied proposals": "pending-proposals",
};

/** What ts-mls says to a member removed by a commit that fills its place again: it finds no key of ours in the path. */
const REMOVED_MESSAGES: readonly string[] = [
  "No overlap between provided private keys and update path",
  "Could not find common ancestor",
];

export function saysNoKeyInPath(error: unknown): boolean {
  return error instanceof Error && REMOVED_MESSAGES.some((message) => error.message.endsWith(message));
}

/** Whether foreign bytes or our own request and state brought an exception about. */
export type FaultOrigin = "foreign" | "own";

function codeFor(error: unknown, origin: FaultOrigin): MlsErrorCode {
  if (error instanceof Error) {
    const known = CODES_BY_MESSAGE[error.message];
    if (known !== undefined) return known;
  }
  if (error instanceof CodecError) return origin === "foreign" ? "malformed" : "internal";
  if (error instanceof CryptoError || error instanceof CryptoVerificationError) return "unauthenticated";
  if (error instanceof ValidationError || error instanceof UsageError) return "invalid";
  // Nonsense in foreign bytes surfaces as TypeErrors and the like, deep in the library.
  return origin === "foreign" ? "invalid" : "internal";
}

/** Runs one operation of the library; what it throws comes out as an {@link MlsError}. */
export async function atBorder<Value>(
  origin: FaultOrigin,
  guard: LeafGuard | undefined,
  operation: () => Promise<Value>,
): Promise<Value> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof MlsError) throw error;
    if (guard?.refusal !== undefined) throw guard.refusal;
    throw new MlsError(codeFor(error, origin), "the MLS operation was refused", { cause: error });
  }
}
