/** Why a local store could not be opened or a call over the local socket failed. */
export const LOCAL_SOCKET_ERROR_CODES = [
  /** Another process holds the store but does not answer on its socket. */
  "busy",
  /** The process that holds the store has gone; open or attach again. */
  "owner-gone",
  /** The peer sent something that is not this protocol, or is another version of Parley. */
  "malformed",
  /** A line, a number of calls or a number of peers is above its limit. */
  "too-large",
  /** The folder or the socket's folder is not this user's alone. */
  "unsafe-folder",
  /** The call failed in the owner for a reason that it does not tell. */
  "internal",
] as const;
/** One of {@link LOCAL_SOCKET_ERROR_CODES}. */
export type LocalSocketErrorCode = (typeof LOCAL_SOCKET_ERROR_CODES)[number];

/** The error of the local socket; `message` is one sentence for the person. */
export class LocalSocketError extends Error {
  override readonly name = "LocalSocketError";
  readonly code: LocalSocketErrorCode;

  constructor(code: LocalSocketErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether the same may succeed a moment later. */
  get retryable(): boolean {
    return this.code === "busy" || this.code === "owner-gone";
  }
}
