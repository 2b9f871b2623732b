import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import {
  originalDecrypt,
  originalEncrypt,
  originalHello,
  originalNumber,
  originalPow,
  originalPrivateKey,
  originalSharedKey,
} from "./original-message.ts";
import { SocketReader } from "./socket-reader.ts";

interface Member {
  readonly socket: Socket;
  readonly reader: SocketReader;
  readonly key: Uint8Array;
  readonly address: string;
}

/**
 * The original server: one key exchange after the other, one loop per client, one read is one packet. `p` and `g` are
 * what goes over the wire, so for a faithful one 0x010100 << 2048 | prime and 258.
 */
export class OriginalServer {
  readonly lines: string[] = [];
  /** Exceptions that ended a client's thread, which is not heard again, or the main one, which lets nobody in again. */
  readonly faults: Error[] = [];
  readonly #server: Server;
  readonly #p: bigint;
  readonly #g: bigint;
  readonly #members: Member[] = [];
  readonly #sockets = new Set<Socket>();
  #exchanges: Promise<void> = Promise.resolve();

  private constructor(server: Server, p: bigint, g: bigint) {
    this.#server = server;
    this.#p = p;
    this.#g = g;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      const reader = new SocketReader(socket);
      this.#exchanges = this.#exchanges.then(() => this.#accept(socket, reader));
      this.#exchanges.catch((error) => this.faults.push(error as Error));
    });
  }

  static async start(p: bigint, g: bigint): Promise<OriginalServer> {
    const server = createServer({ noDelay: true });
    const original = new OriginalServer(server, p, g);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return original;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #accept(socket: Socket, reader: SocketReader): Promise<void> {
    const address = socket.remoteAddress ?? "";
    this.lines.push(`${address} has connected`);
    const privateKey = originalPrivateKey();
    socket.write(originalHello(this.#p, this.#g, originalPow(this.#g, privateKey, this.#p)));
    const answer = originalNumber(await reader.recv(1024));
    const member = { socket, reader, address, key: originalSharedKey(answer, privateKey, this.#p) };
    this.#members.push(member);
    this.#broadcast(`${address} has joined`, member);
    void this.#listen(member);
  }

  async #listen(member: Member): Promise<void> {
    try {
      for (;;) {
        const data = await member.reader.recv(1024);
        if (data.length === 0) break;
        const text = originalDecrypt(member.key, data);
        this.lines.push(`${member.address} [Decrypted]: ${text}`);
        if (text === "!exit") {
          member.socket.end(originalEncrypt(member.key, "Acknowledged"));
          break;
        }
        this.#broadcast(`${member.address}: ${text}`, member);
      }
      this.#disconnect(member);
    } catch (error) {
      this.faults.push(error as Error);
    }
  }

  #broadcast(text: string, from: Member): void {
    for (const member of this.#members) {
      if (member !== from) member.socket.write(originalEncrypt(member.key, text));
    }
  }

  #disconnect(member: Member): void {
    this.#broadcast(`${member.address} has disconnected`, member);
    this.#members.splice(this.#members.indexOf(member), 1);
    this.lines.push(`${member.address} has disconnected`);
  }
}
