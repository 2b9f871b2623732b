/** Every way this package can fail. A closed union: a new code is a change of the public face. */
export type ClassicErrorCode =
  | "address-unavailable"
  | "bad-parameter-file"
  | "bad-usage"
  | "connection-failed"
  | "connection-lost"
  | "connection-refused"
  | "degenerate-group"
  | "handshake-ended"
  | "handshake-timeout"
  | "malformed-stream"
  | "not-loopback"
  | "number-too-long"
  | "slow-reader"
  | "weak-public-key";

const RETRYABLE: ReadonlySet<ClassicErrorCode> = new Set([
  "connection-failed",
  "connection-lost",
  "connection-refused",
  "handshake-ended",
  "handshake-timeout",
  "slow-reader",
]);

/** The one error of this package. `message` is a whole sentence fit for a person and holds no secret. */
export class ClassicError extends Error {
  override readonly name = "ClassicError";
  readonly code: ClassicErrorCode;

  constructor(code: ClassicErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether the same call may succeed later without anything being changed. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}

/** The error as a ClassicError: itself, or wrapped under `code` when it came from elsewhere. */
export function asClassicError(error: unknown, code: ClassicErrorCode, message: string): ClassicError {
  return error instanceof ClassicError ? error : new ClassicError(code, message, { cause: error });
}
