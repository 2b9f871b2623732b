import type { Answer, DeviceAddress, Hello, Request, RoomLogEntry } from "@parley/protocol";

/** What came without being asked for, in the order in which the relay sent it. */
export type Delivery =
  /** `bytes` are the entry's canonical bytes (for the hash chain), `entry` the same, read. */
  | { readonly kind: "entry"; readonly bytes: Uint8Array; readonly entry: RoomLogEntry }
  | {
      readonly kind: "inbox-item";
      readonly seq: number;
      readonly from: DeviceAddress;
      readonly receivedAtMs: number;
      readonly item: Uint8Array;
    }
  | { readonly kind: "live"; readonly room: Uint8Array; readonly seq: number }
  | { readonly kind: "lagging" }
  | { readonly kind: "removed"; readonly room: Uint8Array; readonly seq: number };

/** The answer that belongs to a request. */
export type AnswerTo<K extends Answer["kind"]> = Extract<Answer, { kind: K }>;

/**
 * One authenticated connection to a relay whose identity has been checked. It ends once: nothing reconnects by itself
 * (that is `RelayLink`'s work). Requests may be in flight at the same time.
 */
export interface RelayConnection {
  readonly hello: Hello;
  /** The session the relay opened for this device. */
  readonly session: AnswerTo<"session">;
  /**
   * Sends a request and waits for its answer. Throws the relay's `ProtocolError`, or ConnectionError `lost` when the
   * connection ends first: then the request may or may not have been carried out.
   */
  request<K extends Answer["kind"]>(request: Request, expected: K): Promise<AnswerTo<K>>;
  /**
   * Resolves when the connection has ended and the delivery that was being processed has settled, with the reason. Never
   * rejects. Requests in flight fail before that. Not to be awaited while processing a delivery.
   */
  readonly ended: Promise<ConnectionError>;
  /** Ends it. */
  close(): void;
}

/** Why a connection was not made or ended. */
export const CONNECTION_ERROR_CODES = [
  /** Name not found, refused, no route, TLS failed. */
  "unreachable",
  /** It ended: reset, closed, or silent for too long. */
  "lost",
  /** First contact without enough evidence (exit 10). */
  "not-proven",
  /** A key that does not follow from the remembered one (exit 11). */
  "server-changed",
  /** The server went back behind what was seen of it (exit 12). */
  "server-rolled-back",
  /** The relay refused the login. */
  "refused",
  /** The peer is no relay, or one of another protocol version. */
  "not-a-relay",
  /** Closed by this side. */
  "closed",
] as const;
/** One of {@link CONNECTION_ERROR_CODES}. */
export type ConnectionErrorCode = (typeof CONNECTION_ERROR_CODES)[number];

/** The error of connections; `message` is one sentence for the person. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly code: ConnectionErrorCode;

  constructor(code: ConnectionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether trying again later makes sense. */
  get retryable(): boolean {
    return this.code === "unreachable" || this.code === "lost";
  }
}
