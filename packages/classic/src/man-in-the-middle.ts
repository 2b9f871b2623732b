import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { BlockList, connect, createServer } from "node:net";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { asClassicError, ClassicError } from "./errors.ts";
import { readExactly } from "./exact-reader.ts";
import { ANSWER_BYTES, answerHello, decodeHello, HELLO_BYTES, ServerKeyExchange } from "./key-exchange.ts";
import { ClassicLink, OutgoingText } from "./link.ts";
import type { SessionKey } from "./session-key.ts";
import { cleanText, fillForOriginalServer, MAX_TEXT_BYTES, splitText } from "./wire-text.ts";

/** A host and a TCP port. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface ManInTheMiddleOptions {
  /** Where it waits for the client; port 0 takes any free port. */
  readonly listen: Endpoint;
  /** The server it pretends to be. */
  readonly to: Endpoint;
  /** Takes each line it has to say, without a line break. */
  readonly print: (line: string) => void;
  readonly clock?: Clock;
}

const SETTLE_MS = 500;

/** How long one end may still be told what the other said last before it went, in ms. */
const PARTING_MS = 200;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/**
 * The attack a bare Diffie–Hellman exchange cannot see: one key exchange with the client, another with the server,
 * and every text read on its way. A demonstration for one's own machine: both ends must be loopback addresses.
 */
export class ManInTheMiddle {
  readonly #server: Server;
  readonly #to: Endpoint;
  readonly #print: (line: string) => void;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, { to, print, clock = systemClock }: ManInTheMiddleOptions) {
    this.#server = server;
    this.#to = to;
    this.#print = (line) => print(cleanText(line));
    this.#clock = clock;
    server.on("connection", (socket) => void this.#intercept(socket));
  }

  /** Throws `not-loopback` for any other address, before anything is opened; `address-unavailable`. */
  static async start(options: ManInTheMiddleOptions): Promise<ManInTheMiddle> {
    const { listen, to } = options;
    requireLoopback(listen.host);
    requireLoopback(to.host);
    const server = createServer({ noDelay: true });
    const attack = new ManInTheMiddle(server, options);
    try {
      server.listen(listen.port, listen.host);
      await once(server, "listening");
    } catch (error) {
      throw asClassicError(
        error,
        "address-unavailable",
        `Cannot listen on ${listen.host}, port ${listen.port}.`,
      );
    }
    return attack;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Never rejects: what goes wrong is printed, and both connections are cut. */
  async #intercept(client: Socket): Promise<void> {
    const server = connect({ ...this.#to, noDelay: true });
    const both = [client, server];
    for (const socket of both) {
      this.#sockets.add(socket);
      socket.on("error", () => {}); // Every error is followed by "close".
      socket.on("close", () => {
        this.#sockets.delete(socket);
        this.#clock.after(PARTING_MS, () => {
          for (const other of both) other.destroy();
        });
      });
    }
    try {
      await this.#relayBothWays(client, server);
    } catch (error) {
      this.#print(asClassicError(error, "handshake-ended", "The key exchange broke off.").message);
      for (const socket of both) socket.destroy();
    }
  }

  async #relayBothWays(client: Socket, server: Socket): Promise<void> {
    const fromServer = await readExactly(server, HELLO_BYTES);
    if (fromServer === undefined) throw new ClassicError("handshake-ended", "The server did not greet.");
    const hello = decodeHello(fromServer.head);
    // The client is offered the server's own parameters with a public key of ours.
    const offer = new ServerKeyExchange(hello).offer();
    client.write(offer.hello);
    const fromClient = await readExactly(client, ANSWER_BYTES);
    if (fromClient === undefined) throw new ClassicError("handshake-ended", "The client did not answer.");
    const clientKey = offer.accept(fromClient.head);
    const toServer = await answerHello(hello);
    server.write(toServer.answer);
    this.#print(
      `Two keys instead of one: client ${clientKey.fingerprint}, server ${toServer.key.fingerprint}`,
    );

    const clientLink: ClassicLink = this.#link(client, clientKey, "client -> server", (text) =>
      serverLink.send(new OutgoingText(serverLink.peerIsOurs ? text : fillForOriginalServer(text))),
    );
    const serverLink: ClassicLink = this.#link(server, toServer.key, "server -> client", (text) =>
      clientLink.send(new OutgoingText(text)),
    );
    clientLink.receive(fromClient.rest);
    serverLink.receive(fromServer.rest);
    client.resume();
    server.resume();
  }

  #link(
    socket: Socket,
    key: SessionKey,
    direction: "client -> server" | "server -> client",
    pass: (text: string) => void,
  ): ClassicLink {
    return new ClassicLink({
      socket,
      key,
      role: direction === "client -> server" ? "relay" : "client",
      clock: this.#clock,
      settleMs: SETTLE_MS,
      onMessage: ({ text }) => {
        // Without the no-break spaces that a client of ours puts behind a text for an original server.
        const said = cleanText(text).trimEnd();
        this.#print(`${direction}: ${said}`);
        for (const piece of splitText(said, MAX_TEXT_BYTES)) pass(piece);
      },
      onClose: () => this.#print(`${direction}: the connection is gone`),
    });
  }
}

function requireLoopback(host: string): void {
  const isLoopback = host === "localhost" || loopback.check(host, host.includes(":") ? "ipv6" : "ipv4");
  if (!isLoopback) {
    throw new ClassicError(
      "not-loopback",
      `The demonstration runs on this machine alone: ${host} is no loopback address.`,
    );
  }
}
