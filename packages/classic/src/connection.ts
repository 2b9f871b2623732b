import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { asClassicError, ClassicError } from "./errors.ts";
import { readExactly } from "./exact-reader.ts";
import { isOriginalServerGroup } from "./group.ts";
import type { KeyAnswer } from "./key-exchange.ts";
import { answerHello, decodeHello, HELLO_BYTES } from "./key-exchange.ts";
import { ClassicLink, OutgoingText } from "./link.ts";
import { PACE_MS } from "./paced-writer.ts";
import { DEFAULT_PORT, HANDSHAKE_TIMEOUT_MS } from "./relay.ts";
import type { SessionKey } from "./session-key.ts";
import {
  cleanText,
  fillForOriginalServer,
  LARGEST_FILL_BYTES,
  MAX_TEXT_BYTES,
  splitText,
} from "./wire-text.ts";

// An original server computes its key for 150 ms and more before it reads on.
const ORIGINAL_SERVER_SETTLE_MS = 500;
const ACKNOWLEDGE_TIMEOUT_MS = 1_500;

// The server puts "255.255.255.255: " in front, and what it then sends must fit a packet again.
const LONGEST_PREFIX_BYTES = 17;
const PIECE_BYTES = MAX_TEXT_BYTES - LONGEST_PREFIX_BYTES - LARGEST_FILL_BYTES;

/** What happens on the way to a key, in this order. */
export interface ConnectionProgress {
  /** The TCP connection stands; the key exchange begins. */
  connected?(): void;
}

export interface ConnectionOptions {
  readonly host: string;
  /** Default 39482. */
  readonly port?: number;
  readonly progress?: ConnectionProgress;
  /** Each text the server sends, cleaned for a screen, in order. */
  readonly onText: (text: string) => void;
  /** Called once when the connection is gone; with the cause unless it ended in good order. */
  readonly onClose?: (cause: ClassicError | undefined) => void;
  /** For connecting and for the key exchange, each. */
  readonly handshakeTimeoutMs?: number;
  /** Aborting it gives up connecting. It has no effect once a key is established. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** A client's connection to a SecureChat v1 server, original or ours, with its key established. */
export class ClassicConnection {
  readonly key: SessionKey;
  /** What a person should know about the server's parameters; empty when they are sound. */
  readonly warnings: readonly string[];
  readonly #link: ClassicLink;
  readonly #clock: Clock;
  readonly #closed: Promise<void>;

  private constructor(socket: Socket, answer: KeyAnswer, settleMs: number, options: ConnectionOptions) {
    this.key = answer.key;
    this.warnings = answer.warnings;
    this.#clock = options.clock ?? systemClock;
    const closed = Promise.withResolvers<void>();
    this.#closed = closed.promise;
    this.#link = new ClassicLink({
      socket,
      key: answer.key,
      role: "client",
      clock: this.#clock,
      settleMs,
      onMessage: ({ text }) => options.onText(cleanText(text).trimEnd()),
      onClose: (cause) => {
        closed.resolve();
        options.onClose?.(cause);
      },
    });
  }

  /**
   * Connects and exchanges keys. Throws `connection-refused` or `connection-failed` before `progress.connected`;
   * after it `handshake-ended`, `handshake-timeout`, or what is wrong with the server's parameters. Messages that
   * arrive at once are handed to `onText` after this has resolved.
   */
  static async open(options: ConnectionOptions): Promise<ClassicConnection> {
    const { clock = systemClock, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
    const { host, port = DEFAULT_PORT, signal } = options;
    const socket = connect({ host, port, noDelay: true });
    socket.on("error", () => {}); // Every error is followed by "close", which is what is listened for.
    let timedOut = false;
    const giveUp = () => socket.destroy();
    const cancel = clock.after(handshakeTimeoutMs, () => {
      timedOut = true;
      socket.destroy();
    });
    signal?.addEventListener("abort", giveUp);
    if (signal?.aborted) giveUp();
    try {
      await connected(socket, host);
      options.progress?.connected?.();
      const read = await readExactly(socket, HELLO_BYTES);
      if (read === undefined) {
        throw new ClassicError("handshake-ended", "The server ended the connection before the key exchange.");
      }
      const hello = decodeHello(read.head);
      const answer = await answerHello(hello);
      socket.write(answer.answer);
      const settleMs = isOriginalServerGroup(hello) ? ORIGINAL_SERVER_SETTLE_MS : PACE_MS;
      const connection = new ClassicConnection(socket, answer, settleMs, options);
      setImmediate(() => {
        connection.#link.receive(read.rest);
        socket.resume();
      });
      return connection;
    } catch (error) {
      socket.destroy();
      if (!timedOut) throw error;
      throw new ClassicError("handshake-timeout", "The server took too long over the key exchange.");
    } finally {
      cancel();
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /**
   * Sends a text, cleaned and cut into pieces the wire can carry. A blank text is not sent. `!exit` leaves, as it
   * does for an original.
   */
  send(text: string): void {
    for (const piece of splitText(cleanText(text), PIECE_BYTES)) {
      if (piece === "") continue;
      this.#link.send(new OutgoingText(this.#link.peerIsOurs ? piece : fillForOriginalServer(piece)));
    }
  }

  /**
   * Sends `!exit` behind whatever still waits and resolves when the connection is gone. A server that does not end
   * it within 1.5 s of then is cut off.
   */
  async leave(): Promise<void> {
    this.send("!exit");
    const patienceMs = this.#link.sendingTimeMs + ACKNOWLEDGE_TIMEOUT_MS;
    const cancel = this.#clock.after(patienceMs, () => this.#link.destroy());
    await this.#closed;
    cancel();
  }

  /** Cuts the connection without a word; the server notices. */
  async close(): Promise<void> {
    this.#link.destroy();
    await this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function connected(socket: Socket, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let cause: NodeJS.ErrnoException | undefined;
    const onError = (error: NodeJS.ErrnoException) => {
      cause = error;
    };
    const onClose = () => {
      const refused = cause?.code === "ECONNREFUSED";
      const code = refused ? "connection-refused" : "connection-failed";
      const message = refused ? `${host} refuses the connection.` : `${host} cannot be reached.`;
      reject(asClassicError(cause, code, message));
    };
    socket.on("error", onError).on("close", onClose);
    socket.once("connect", () => {
      socket.off("error", onError).off("close", onClose);
      resolve();
    });
  });
}
