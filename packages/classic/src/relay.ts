import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { asClassicError, ClassicError } from "./errors.ts";
import { readExactly } from "./exact-reader.ts";
import type { DhGroup } from "./group.ts";
import { ANSWER_BYTES, ServerKeyExchange } from "./key-exchange.ts";
import { ClassicLink, OutgoingText } from "./link.ts";
import type { CutMessage } from "./packet-cutter.ts";
import { RelayLog } from "./relay-log.ts";
import type { SessionKey } from "./session-key.ts";
import { cleanText, MAX_TEXT_BYTES, splitText } from "./wire-text.ts";

/** Where original servers listen and original clients call. */
export const DEFAULT_HOST = "127.0.0.1";
export const DEFAULT_PORT = 39482;

/** How long a connection may take for its key exchange, in ms. */
export const HANDSHAKE_TIMEOUT_MS = 30_000;

/** Connections that may be in their key exchange at once; one more closes the one that has waited longest. */
const MAX_HANDSHAKES = 512;

/**
 * How long a client is left alone after its answer: an original still computes its key (140 ms and more), and two
 * packets that arrive meanwhile would be read as one.
 */
const CLIENT_SETTLE_MS = 500;

export interface RelayOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 39482; 0 takes any free port, see `ClassicRelay.port`. */
  readonly port?: number;
  /** May still be under way: the port is bound at once, and clients that come early wait for it. */
  readonly group: DhGroup | Promise<DhGroup>;
  /** Takes each line of the log, without a line break. */
  readonly log?: (line: string) => void;
  /** Puts session keys, packets and plain texts into the log, as the original always does. Default false. */
  readonly showSecrets?: boolean;
  readonly handshakeTimeoutMs?: number;
  /** Bytes that may wait for a member before it is dropped. */
  readonly backlogLimitBytes?: number;
  readonly clock?: Clock;
}

/** One member: an address as others see it, and the way to it. */
interface Member {
  readonly address: string;
  readonly link: ClassicLink;
}

/**
 * The relay of SecureChat v1: one key per client, and every text decrypted, prefixed and encrypted again for each
 * other client. It reads everything. A value: start it, use it, close it (`await using` does).
 */
export class ClassicRelay {
  readonly #server: Server;
  readonly #exchange: Promise<ServerKeyExchange>;
  readonly #log: RelayLog;
  readonly #clock: Clock;
  readonly #handshakeTimeoutMs: number;
  readonly #backlogLimitBytes: number | undefined;
  readonly #members = new Set<Member>();
  readonly #handshakes = new Set<Socket>();
  #closed = false;

  private constructor(server: Server, options: RelayOptions) {
    this.#server = server;
    this.#exchange = Promise.resolve(options.group).then((group) => new ServerKeyExchange(group));
    this.#log = new RelayLog(options.log ?? (() => {}), options.showSecrets ?? false);
    this.#clock = options.clock ?? systemClock;
    this.#handshakeTimeoutMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
    this.#backlogLimitBytes = options.backlogLimitBytes;
    server.on("connection", (socket) => void this.#admit(socket));
  }

  /**
   * Binds the port and resolves once clients are served. Throws `address-unavailable` at once when the port cannot
   * be bound, and whatever `group` rejects with.
   */
  static async start(options: RelayOptions): Promise<ClassicRelay> {
    const { host = DEFAULT_HOST, port = DEFAULT_PORT } = options;
    const server = createServer({ noDelay: true });
    const relay = new ClassicRelay(server, options);
    // Heard again below; this keeps a rejection from being loose while the port is being bound.
    relay.#exchange.catch(() => {});
    try {
      server.listen(port, host);
      await once(server, "listening");
    } catch (error) {
      throw asClassicError(error, "address-unavailable", `Cannot listen on ${host}, port ${port}.`);
    }
    try {
      await relay.#exchange;
    } catch (error) {
      await relay.close();
      throw error;
    }
    relay.#log.line(`Socket bound to ${host} on port ${relay.port}`);
    relay.#log.line("Waiting for Clients...");
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Clients whose key exchange is done. */
  get memberCount(): number {
    return this.#members.size;
  }

  /** Cuts every connection and gives the port back. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#handshakes) socket.destroy();
    for (const { link } of this.#members) link.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Leads a connection through its key exchange. Never rejects, and no other connection waits for it. */
  async #admit(socket: Socket): Promise<void> {
    const address = (socket.remoteAddress ?? "unknown").replace(/^::ffff:/, "");
    socket.on("error", () => {}); // Every error is followed by "close", which is what is listened for.
    this.#log.line(`${address} has connected`);
    this.#handshakes.add(socket);
    const [longestWaiting] = this.#handshakes;
    if (this.#handshakes.size > MAX_HANDSHAKES) longestWaiting?.destroy();
    try {
      const { key, rest } = await this.#exchangeKeys(socket);
      this.#log.clientKey(key);
      this.#join(socket, address, key, rest);
    } catch (error) {
      const why = asClassicError(error, "handshake-ended", "The connection broke.");
      if (!this.#closed) {
        this.#log.line(`Key Exchange with ${address} failed: ${why.message}`);
        this.#log.line(`${address} has disconnected`);
      }
      socket.destroy();
    } finally {
      this.#handshakes.delete(socket);
    }
  }

  async #exchangeKeys(socket: Socket): Promise<{ key: SessionKey; rest: Uint8Array }> {
    const answered = readExactly(socket, ANSWER_BYTES);
    const offer = (await this.#exchange).offer();
    let timedOut = false;
    const cancel = this.#clock.after(this.#handshakeTimeoutMs, () => {
      timedOut = true;
      socket.destroy();
    });
    socket.write(offer.hello);
    const answer = await answered.finally(cancel);
    if (timedOut) throw new ClassicError("handshake-timeout", "The client took too long to answer.");
    if (answer === undefined) throw new ClassicError("handshake-ended", "The client left before its answer.");
    return { key: offer.accept(answer.head), rest: answer.rest };
  }

  #join(socket: Socket, address: string, key: SessionKey, rest: Uint8Array): void {
    const link = new ClassicLink({
      socket,
      key,
      role: "relay",
      clock: this.#clock,
      settleMs: CLIENT_SETTLE_MS,
      keepPackets: this.#log.showsSecrets,
      ...(this.#backlogLimitBytes === undefined ? {} : { backlogLimitBytes: this.#backlogLimitBytes }),
      onMessage: (message) => this.#receive(member, message),
      onClose: (cause) => this.#leave(member, cause),
    });
    const member: Member = { address, link };
    this.#members.add(member);
    this.#broadcast(`${address} has joined`, member);
    link.receive(rest);
    socket.resume();
  }

  #receive(member: Member, message: CutMessage): void {
    if (!this.#members.has(member)) return;
    this.#log.received(member.address, message);
    if (message.text === "!exit") {
      member.link.finish(new OutgoingText("Acknowledged"));
      this.#leave(member, undefined);
      return;
    }
    const prefix = `${member.address}: `;
    for (const piece of splitText(cleanText(message.text), MAX_TEXT_BYTES - prefix.length)) {
      this.#broadcast(prefix + piece, member);
    }
  }

  #leave(member: Member, cause: ClassicError | undefined): void {
    if (!this.#members.delete(member) || this.#closed) return;
    if (cause !== undefined && cause.code !== "connection-lost") {
      this.#log.line(`${member.address} was dropped: ${cause.message}`);
    }
    const notice = `${member.address} has disconnected`;
    this.#broadcast(notice, member);
    this.#log.line(notice);
  }

  /** Each recipient gets its own encryption, in join order. */
  #broadcast(text: string, from: Member): void {
    const outgoing = new OutgoingText(text);
    for (const member of this.#members) {
      if (member !== from) member.link.send(outgoing);
    }
  }
}
