import type { ErrorCode } from "@parley/protocol";
import { pino } from "pino";

/** Everything the relay logs. A closed list, so that nothing a person said or is called can get in. */
export type LogEvent =
  | "started"
  | "stopping"
  | "stopped"
  | "identity-created"
  | "statement-signed"
  | "tls-keys-changed"
  | "spki-line-unreadable"
  | "connection-opened"
  | "connection-refused"
  | "logged-in"
  | "login-failed"
  | "registered"
  | "connection-closed"
  | "client-lagging"
  | "storage-fault"
  | "log-awaits-repair"
  | "fault";

/** Numbers, and words of this program. */
export interface LogFields {
  readonly [name: `${string}${"Ms" | "Bytes" | "Count" | "Number" | "Code"}`]: number;
  readonly code?: ErrorCode;
  readonly fault?: FaultTrace;
  readonly secure?: boolean;
  /** Written only when the operator asks for addresses. */
  readonly address?: string;
}

/** A fault without its message, which could quote anything. */
interface FaultTrace {
  readonly name: string;
  readonly frames: string;
}

/** Where the relay says what happens to it. */
export interface RelayLog {
  info(event: LogEvent, fields?: LogFields): void;
  warn(event: LogEvent, fields?: LogFields): void;
  error(event: LogEvent, fields?: LogFields): void;
}

/** How much is logged, and where to. */
export interface LogOptions {
  /** Default `info`. */
  readonly level?: "silent" | "error" | "warn" | "info";
  /** Takes one JSON object a line. Default: standard output. */
  readonly destination?: { write(line: string): void };
  /** Whether network addresses are written. Default false. */
  readonly addresses?: boolean;
}

/** The relay's log, in pino's format. */
export function createLog({ level = "info", destination, addresses = false }: LogOptions = {}): RelayLog {
  const options = { level, base: null, messageKey: "event" };
  const logger = destination ? pino(options, destination) : pino(options);
  const kept = (fields: LogFields): LogFields => {
    const { address, ...rest } = fields;
    return addresses && address !== undefined ? { ...rest, address } : rest;
  };
  return {
    info: (event, fields = {}) => logger.info(kept(fields), event),
    warn: (event, fields = {}) => logger.warn(kept(fields), event),
    error: (event, fields = {}) => logger.error(kept(fields), event),
  };
}

/** What may be logged of an error that nobody foresaw: its class and where it was thrown. */
export function faultTrace(error: unknown): FaultTrace {
  if (!(error instanceof Error)) return { name: typeof error, frames: "" };
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return { name: error.name, frames: frames.map((line) => line.trim()).join(" < ") };
}
