import { ProtocolError } from "@parley/protocol";
import type { ConnectionState, ServerTrust } from "../chat/chat.ts";
import { retryDelayMs, STABLE_MS } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { ConnectionErrorCode, Delivery, RelayConnection } from "./connection.ts";
import { ConnectionError } from "./connection.ts";
import type { ConnectOptions, ProvenConnection } from "./relay-connection.ts";

/** Exit codes of a link that stopped for good; the terminal ends with the same (trust.md, CLI). */
export const STOP_EXIT_CODES: Readonly<Partial<Record<ConnectionErrorCode, number>>> = {
  "not-proven": 10,
  "server-changed": 11,
  "server-rolled-back": 12,
  refused: 13,
};

/** What {@link startRelayLink} needs. */
export interface RelayLinkOptions {
  /** Makes one connection: `connectRelay` with everything else bound. */
  readonly connect: (
    given: Required<Pick<ConnectOptions, "onDelivery" | "signal">>,
  ) => Promise<ProvenConnection>;
  readonly clock: Clock;
  /** Uniform in [0, 1); `Math.random` will do. */
  readonly random: () => number;
  /**
   * A connection stands. Resumes rooms, tops up, sends what waits. When it throws, the connection is closed and the next
   * try begins after the usual delay.
   */
  readonly onConnected: (connection: RelayConnection) => Promise<void> | void;
  /** As in {@link ConnectOptions}. */
  readonly onDelivery: (delivery: Delivery, connection: RelayConnection) => Promise<void> | void;
  /** The connection has ended and no delivery of it is being processed any more. Not called for tries that failed. */
  readonly onDisconnected: (reason: ConnectionError) => void;
}

/** One account's connection to its relay, kept alive. */
export interface RelayLink {
  /** The same object until the state changes. */
  state(): ConnectionState;
  /** Why the server of the newest connection is believed; undefined before the first. */
  server(): ServerTrust | undefined;
  /** The open connection, if there is one. */
  connection(): RelayConnection | undefined;
  /** Calls `listener` after each change of the state; returns the way to stop. */
  subscribe(listener: () => void): () => void;
  /** Tries now instead of at `retryAtMs`; also the way out of `stopped`. Nothing happens otherwise. */
  reconnect(): void;
  /** Ends the connection, stays closed. Resolves when no delivery is being processed any more. */
  close(): Promise<void>;
}

/** Starts to connect, and connects again whenever the connection is lost, until it is closed or has to stop. */
export function startRelayLink(options: RelayLinkOptions): RelayLink {
  return new Link(options);
}

class Link implements RelayLink {
  readonly #options: RelayLinkOptions;
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #finished: Promise<void>;
  #state: ConnectionState = { kind: "connecting" };
  #server: ServerTrust | undefined;
  #connection: RelayConnection | undefined;
  #wake: () => void = () => {};

  constructor(options: RelayLinkOptions) {
    this.#options = options;
    this.#finished = this.#run();
  }

  state(): ConnectionState {
    return this.#state;
  }

  server(): ServerTrust | undefined {
    return this.#server;
  }

  connection(): RelayConnection | undefined {
    return this.#connection;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reconnect(): void {
    this.#wake();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake();
    await this.#finished;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      this.#enter({ kind: "connecting" });
      const { reason, connectedMs } = await this.#connectOnce();
      if (this.#closing.signal.aborted) break;
      if (connectedMs >= STABLE_MS) failures = 0;
      await this.#rest(reason, failures++, clock);
    }
    this.#enter({ kind: "closed" });
  }

  /** From dialling to the end of the connection. Never rejects. */
  async #connectOnce(): Promise<{ readonly reason: ConnectionError; readonly connectedMs: number }> {
    const { clock, onDelivery, onDisconnected } = this.#options;
    let connection: ProvenConnection;
    const ready = Promise.withResolvers<RelayConnection>();
    try {
      connection = await this.#options.connect({
        onDelivery: async (delivery) => onDelivery(delivery, await ready.promise),
        signal: this.#closing.signal,
      });
    } catch (error) {
      return { reason: asConnectionError(error), connectedMs: 0 };
    }
    const sinceMs = clock.nowMs();
    ready.resolve(connection);
    this.#connection = connection;
    this.#server = connection.server;
    this.#enter({ kind: "connected", sinceMs });
    const fault = await this.#serve(connection);
    const reason = await connection.ended;
    this.#connection = undefined;
    onDisconnected(fault ?? reason);
    return { reason: fault ?? reason, connectedMs: clock.nowMs() - sinceMs };
  }

  /** Runs `onConnected`; what it throws for other reasons than the connection's end is the reason of that end. */
  async #serve(connection: RelayConnection): Promise<ConnectionError | undefined> {
    try {
      await this.#options.onConnected(connection);
      return undefined;
    } catch (error) {
      connection.close();
      const ended = error instanceof ConnectionError && (error.code === "lost" || error.code === "closed");
      return ended ? undefined : asConnectionError(error);
    }
  }

  async #rest(reason: ConnectionError, failures: number, clock: Clock): Promise<void> {
    const exitCode = STOP_EXIT_CODES[reason.code];
    const woken = Promise.withResolvers<void>();
    this.#wake = woken.resolve;
    if (exitCode !== undefined && !reason.retryable) {
      this.#enter({ kind: "stopped", reason: reason.message, exitCode });
      await woken.promise;
      return;
    }
    const delayMs = retryDelayMs(reason, failures, this.#options.random());
    const cancel = clock.setTimer(delayMs, woken.resolve);
    this.#enter({ kind: "waiting", retryAtMs: clock.nowMs() + delayMs, reason: reason.message });
    await woken.promise;
    cancel();
  }

  #enter(state: ConnectionState): void {
    this.#wake = state.kind === "waiting" || state.kind === "stopped" ? this.#wake : () => {};
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

function asConnectionError(error: unknown): ConnectionError {
  if (error instanceof ConnectionError) return error;
  const told =
    error instanceof ProtocolError ? "The server refused what every client asks" : "A fault of this client";
  return new ConnectionError("lost", told, { cause: error });
}
