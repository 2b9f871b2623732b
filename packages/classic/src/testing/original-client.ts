import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import {
  originalDecrypt,
  originalEncrypt,
  originalPackage,
  originalPow,
  originalPrivateKey,
  originalSharedKey,
  originalUnpack,
} from "./original-message.ts";
import { SocketReader } from "./socket-reader.ts";

/** The original client without its screen: `lines` holds what the screen would show, without the times. */
export class OriginalClient {
  readonly lines: string[] = [];
  /** The exception that ended the reading thread: from then on the client is deaf. */
  fault: Error | undefined;
  readonly key: Uint8Array;
  readonly socket: Socket;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: Socket, reader: SocketReader, key: Uint8Array) {
    this.socket = socket;
    this.key = key;
    void this.#listen(reader);
  }

  static async join(port: number, host = "127.0.0.1"): Promise<OriginalClient> {
    const socket = connect({ host, port, noDelay: true });
    await once(socket, "connect");
    const reader = new SocketReader(socket);
    const { p, g, publicKey } = originalUnpack(await reader.recv(2064));
    const privateKey = originalPrivateKey();
    socket.write(originalPackage(originalPow(g, privateKey, p), 1024));
    return new OriginalClient(socket, reader, originalSharedKey(publicKey, privateKey, p));
  }

  /** Throws the original's exceptions. */
  send(text: string): void {
    this.socket.write(originalEncrypt(this.key, text));
  }

  /** Resolves once a line passes `test`, or rejects when the client went deaf or was disconnected first. */
  async waitFor(test: (line: string) => boolean): Promise<void> {
    while (!this.lines.some(test)) {
      if (this.fault !== undefined) throw this.fault;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async waitForCount(count: number, test: (line: string) => boolean): Promise<void> {
    while (this.lines.filter(test).length < count) {
      if (this.fault !== undefined) throw this.fault;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  async #listen(reader: SocketReader): Promise<void> {
    try {
      for (;;) {
        const data = await reader.recv(1024);
        if (data.length === 0) break;
        this.#show(originalDecrypt(this.key, data));
      }
      this.#show("Connection Lost");
    } catch (error) {
      this.fault = error as Error;
      this.#wake();
    }
  }

  #show(line: string): void {
    this.lines.push(line);
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
