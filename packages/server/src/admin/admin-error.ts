import { ProtocolError } from "@parley/protocol";

/** What the operator asked for that is not there. */
export type AdminErrorCode = "no-such-user" | "no-such-invite" | "no-such-session" | "no-repair";

/** Meant for the operator; `message` is one sentence without a full stop. */
export class AdminError extends Error {
  override readonly name = "AdminError";
  readonly code: AdminErrorCode;

  constructor(code: AdminErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a device of a disabled account is told. */
export function disabledRefusal(): ProtocolError {
  return new ProtocolError("forbidden", "account disabled");
}
