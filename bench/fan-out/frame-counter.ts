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

const SPACE = 0x20;
const LINE_FEED = 0x0a;
const LETTER_M = 0x4d;
const ZERO = 0x30;
const CARRIAGE_RETURN_LINE_FEED = 2;

/** Counts `MSG subject sid size` of NATS' text protocol. */
export class NatsCounter {
  count = 0;
  #skip = 0;
  #rest: Buffer | undefined;

  push(received: Buffer): void {
    const chunk = this.#rest ? Buffer.concat([this.#rest, received]) : received;
    this.#rest = undefined;
    let at = this.#skip;
    while (at < chunk.length) {
      let size = 0;
      let end = at;
      while (end < chunk.length && chunk[end] !== LINE_FEED) {
        const byte = chunk[end++] as number;
        if (byte === SPACE) size = 0;
        else if (byte >= ZERO) size = size * 10 + byte - ZERO;
      }
      if (end === chunk.length) {
        this.#rest = chunk.subarray(at);
        this.#skip = 0;
        return;
      }
      const isMessage = chunk[at] === LETTER_M;
      if (isMessage) this.count++;
      at = end + 1 + (isMessage ? size + CARRIAGE_RETURN_LINE_FEED : 0);
    }
    this.#skip = at - chunk.length;
  }
}
