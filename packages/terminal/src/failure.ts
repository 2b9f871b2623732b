import type { ConnectionErrorCode } from "@parley/client";
import { ChatError, ConnectionError, ServerRefusedError } from "@parley/client";
import { LocalSocketError } from "@parley/client/node";
import type { TrustErrorCode } from "@parley/trust";
import { TrustError } from "@parley/trust";
import { CommandFailure } from "./command-failure.ts";
import type { ExitCode } from "./exit-codes.ts";
import { EXIT_CODES } from "./exit-codes.ts";

/** What of an error is told: on standard error, and as the exit code. */
export interface Told {
  /** One sentence; for a server that is not believed, the lines of its text. */
  readonly text: string;
  readonly exitCode: ExitCode;
}

/** What to tell of any error. Never a stack trace, never more of a fault than its kind. */
export function tell(error: unknown): Told {
  if (error instanceof CommandFailure) return { text: error.message, exitCode: error.exitCode };
  if (error instanceof ServerRefusedError) return { text: error.text, exitCode: connectionExit(error.code) };
  if (error instanceof ConnectionError) return { text: error.message, exitCode: connectionExit(error.code) };
  if (error instanceof ChatError) {
    return {
      text: error.message,
      exitCode: error.code === "offline" ? EXIT_CODES.offline : EXIT_CODES.failure,
    };
  }
  if (error instanceof TrustError)
    return { text: LINK_TEXTS[error.code] ?? error.message, exitCode: EXIT_CODES.failure };
  if (isStoreFault(error) && "code" in error && LOCKED.has(error.code)) {
    return { text: sentence(error.message), exitCode: EXIT_CODES.locked };
  }
  if (error instanceof LocalSocketError || isStoreFault(error)) {
    return { text: sentence(error.message), exitCode: EXIT_CODES.failure };
  }
  const system = systemText(error);
  if (system !== undefined) return { text: system, exitCode: EXIT_CODES.failure };
  const kind = error instanceof Error ? error.name : typeof error;
  return { text: `That was a fault inside Parley (${kind})`, exitCode: EXIT_CODES.failure };
}

const CONNECTION_EXITS: Readonly<Partial<Record<ConnectionErrorCode, ExitCode>>> = {
  "not-proven": EXIT_CODES.notProven,
  "server-changed": EXIT_CODES.serverChanged,
  "server-rolled-back": EXIT_CODES.serverRolledBack,
  refused: EXIT_CODES.refused,
  unreachable: EXIT_CODES.offline,
  lost: EXIT_CODES.offline,
};

function connectionExit(code: ConnectionErrorCode): ExitCode {
  return CONNECTION_EXITS[code] ?? EXIT_CODES.failure;
}

const LINK_TEXTS: Readonly<Partial<Record<TrustErrorCode, string>>> = {
  "invite-malformed": "That is not an invite link of Parley",
  "invite-cut-off": "The end of the link is missing: copy the whole of it",
  "invite-expired": "The link's time is over: ask for a new one",
  "words-invalid": "These are not 24 recovery words",
  "code-invalid": "That is not a server code of 30 digits",
};

const LOCKED: ReadonlySet<unknown> = new Set(["locked", "wrong-password"]);
const STORE_ERRORS: ReadonlySet<string> = new Set([
  "StoreOpenError",
  "StoreError",
  "BackupError",
  "AdminError",
]);

/** The stores' errors are known by their names: the server package is loaded only by the verbs that need it. */
function isStoreFault(error: unknown): error is Error {
  return error instanceof Error && STORE_ERRORS.has(error.name);
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function systemText(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const { path, port } = error as NodeJS.ErrnoException & { port?: number };
  const file = path ?? "a file";
  switch (error.code) {
    case "EADDRINUSE":
      return `Port ${port ?? ""} is in use: choose another with --listen`;
    case "EADDRNOTAVAIL":
      return "This machine has no such address to listen on";
    case "EACCES":
    case "EPERM":
      return port === undefined ? `No permission for ${file}` : `No permission to listen on port ${port}`;
    case "ENOENT":
      return `${file} does not exist`;
    case "ENOSPC":
      return "The disk is full: nothing that was confirmed is lost";
    case "EROFS":
      return `${file} lies on a read-only file system`;
    case "EISDIR":
      return `${file} is a folder`;
    default:
      return undefined;
  }
}
