import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import type { TLSSocket } from "node:tls";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { issueSelfSigned } from "@parley/server";

const DAY_MS = 24 * 60 * 60 * 1000;
const HEADERS_END = "\r\n\r\n";
const OPCODE_MASK = 0x0f;
const CLOSE_OPCODE = 0x8;

/** The way from the people to the relay: a port that passes bytes on, to wherever it is told. */
export class Network implements AsyncDisposable {
  readonly port: number;
  /** Where new connections lead. */
  target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.target = target;
    server.on("connection", (inbound: Socket) => {
      const outbound = connect({ host: "127.0.0.1", port: this.target });
      join(inbound, outbound);
      for (const socket of [inbound, outbound]) {
        this.#sockets.add(socket);
        socket.once("close", () => this.#sockets.delete(socket));
      }
    });
  }

  static async start(target: number): Promise<Network> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Network(server, target);
  }

  /** Sends everybody elsewhere: cuts what is connected, too. */
  redirect(target: number): void {
    this.target = target;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/**
 * Somebody between the people and the relay: ends TLS with a certificate of their own for the same address, and passes
 * everything on to the real relay. Counts what a client says after the WebSocket is open: all account data is there.
 */
export class ManInTheMiddle implements AsyncDisposable {
  readonly port: number;
  /** Connections that got as far as the relay's hello. */
  connections = 0;
  /** Bytes of frames that clients sent, but for "closing". */
  accountBytes = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, relayPort: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("secureConnection", (inbound: TLSSocket) => this.#intercept(inbound, relayPort));
  }

  static async start(relayPort: number): Promise<ManInTheMiddle> {
    const now = Date.now();
    const { keyPem: key, certificatePem: cert } = issueSelfSigned({
      commonName: "127.0.0.1",
      hostNames: ["127.0.0.1"],
      notBeforeMs: now - DAY_MS,
      notAfterMs: now + DAY_MS,
    });
    const server = createTlsServer({ key, cert, minVersion: "TLSv1.3" });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new ManInTheMiddle(server, relayPort);
  }

  #intercept(inbound: TLSSocket, port: number): void {
    this.connections += 1;
    const outbound = connectTls({
      host: "127.0.0.1",
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
    });
    let opening: string | undefined = "";
    inbound.on("data", (bytes: Buffer) => {
      let frames = bytes;
      if (opening !== undefined) {
        opening += bytes.toString("latin1");
        const end = opening.indexOf(HEADERS_END);
        if (end < 0) return;
        frames = Buffer.from(opening.slice(end + HEADERS_END.length), "latin1");
        opening = undefined;
      }
      const isClose = ((frames[0] ?? CLOSE_OPCODE) & OPCODE_MASK) === CLOSE_OPCODE;
      if (!isClose) this.accountBytes += frames.length;
    });
    join(inbound, outbound);
    for (const socket of [inbound, outbound]) {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

function join(a: Socket, b: Socket): void {
  a.pipe(b).pipe(a);
  for (const [socket, other] of [
    [a, b],
    [b, a],
  ] as const) {
    socket.on("error", () => other.destroy());
    socket.once("close", () => other.destroy());
  }
}
