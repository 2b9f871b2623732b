import type { Socket } from "node:net";

/** Blocking reads as Python's socket.recv does them: whatever is there, up to a size; nothing at the end. */
export class SocketReader {
  #buffer = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("error", end).on("end", end).on("close", end);
  }

  /** recv(size): at least one byte unless the connection has ended. Only one call at a time. */
  async recv(size: number): Promise<Uint8Array> {
    while (this.#buffer.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#buffer.subarray(0, size);
    this.#buffer = this.#buffer.subarray(bytes.length);
    return bytes;
  }

  /** Reads exactly `size` bytes; what no original does. */
  async recvAll(size: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let missing = size; missing > 0; ) {
      const part = await this.recv(missing);
      if (part.length === 0) break;
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }
}
