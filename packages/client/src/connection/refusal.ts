import type { ErrorCode, ProtocolError } from "@parley/protocol";
import { ConnectionError } from "./connection.ts";

const REFUSALS: Readonly<Partial<Record<ErrorCode, string>>> = {
  unauthenticated: "The server does not accept this device's signature",
  forbidden: "The operator of the server has disabled this account; what it holds is kept",
  "not-found": "The server does not know this account",
  "name-taken": "That name belongs to somebody else",
  "name-invalid": "A name is 1 to 32 of a-z, 0-9, dot, dash and underscore",
  "invite-invalid": "The invite is used up, expired or unknown",
  "registration-closed": "The server takes no new accounts",
};

const POSTPONEMENTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  "shutting-down": "The server is stopping",
  "rate-limited": "The server asks to wait",
  "storage-unavailable": "The server cannot write to its disk",
};

/** What it means for the connection, and for the person, when the relay answers a login with `cause` or hangs up with it. */
export function refusal(cause: ProtocolError): ConnectionError {
  if (cause.retryable) {
    return new ConnectionError("lost", POSTPONEMENTS[cause.code] ?? "The server has a fault of its own", {
      cause,
    });
  }
  if (cause.code === "malformed" || cause.code === "too-large") {
    return new ConnectionError("not-a-relay", "The server does not understand this version of Parley", {
      cause,
    });
  }
  return new ConnectionError("refused", REFUSALS[cause.code] ?? "The server refused this device", { cause });
}
