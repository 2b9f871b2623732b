/** Counts messages in a stream of server-to-client WebSocket frames, whatever way it is cut. */
export class FrameCounter {
  count = 0;
  readonly #firstByte: number | undefined;
  #skip = 0;
  #rest: Buffer | undefined;

  /** @param firstByte counts only messages that begin with it. */
  constructor(firstByte?: number) {
    this.#firstByte = firstByte;
  }

  push(received: Buffer): void {
    const chunk = this.#rest ? Buffer.concat([this.#rest, received]) : received;
    this.#rest = undefined;
    let at = this.#skip;
    while (at < chunk.length) {
      const short = (chunk[at + 1] ?? 0) & 0x7f;
      const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (at + headerBytes >= chunk.length) {
        this.#rest = chunk.subarray(at);
        this.#skip = 0;
        return;
      }
      const length =
        short < 126 ? short : short === 126 ? chunk.readUInt16BE(at + 2) : chunk.readUInt32BE(at + 6);
      if (this.#firstByte === undefined || chunk[at + headerBytes] === this.#firstByte) this.count++;
      at += headerBytes + length;
    }
    this.#skip = at - chunk.length;
  }
}

/** Counts `MSG` of NATS' text protocol. */
export class NatsCounter {
  count = 0;
  #skip = 0;
  #rest: Buffer | undefined;

  push(received: Buffer): void {
    const chunk = this.#rest ? Buffer.concat([this.#rest, received]) : received;
    this.#rest = undefined;
    let at = this.#skip;
    while (at < chunk.length) {
      const end = chunk.indexOf(10, at);
      if (end < 0) {
        this.#rest = chunk.subarray(at);
        this.#skip = 0;
        return;
      }
      if (chunk[at] === 77) {
        const size = Number(chunk.toString("latin1", chunk.lastIndexOf(32, end) + 1, end - 1));
        this.count++;
        at = end + 1 + size + 2;
      } else {
        at = end + 1;
      }
    }
    this.#skip = at - chunk.length;
  }
}
