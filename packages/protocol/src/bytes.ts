import { ProtocolError } from "./errors.ts";

const FIRST_CAPACITY_BYTES = 512;
const MAX_KEPT_BYTES = 64 * 1024;
const MAX_LENGTH = 2 ** 30 - 1;

/** Collects the bytes of one encoding after the other; {@link finish} ends each. */
export class ByteWriter {
  #buffer = new Uint8Array(FIRST_CAPACITY_BYTES);
  #length = 0;

  #reserve(extra: number): number {
    const start = this.#length;
    const needed = start + extra;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, start));
      this.#buffer = grown;
    }
    this.#length = needed;
    return start;
  }

  /** Appends `value` as it is. */
  bytes(value: Uint8Array): void {
    const start = this.#reserve(value.length);
    this.#buffer.set(value, start);
  }

  /** Appends a whole number below 2^53 in `sizeBytes` bytes, big-endian. The caller checks the range. */
  unsigned(value: number, sizeBytes: number): void {
    const start = this.#reserve(sizeBytes);
    // Bit operations see the low 32 bits only.
    let rest = value;
    for (let i = sizeBytes - 1; i >= 0; i--) {
      this.#buffer[start + i] = rest & 0xff;
      rest = i === sizeBytes - 4 ? Math.floor(value / 0x1_0000_0000) : rest >>> 8;
    }
  }

  /** Appends a vector length as in RFC 9420 §2.1.2: 1, 2 or 4 bytes, the shortest that holds it. */
  length(value: number): void {
    if (value > MAX_LENGTH) throw new ProtocolError("too-large", "vector");
    if (value < 0x40) this.unsigned(value, 1);
    else if (value < 0x4000) this.unsigned(value + 0x4000, 2);
    else this.unsigned(value + 0x8000_0000, 4);
  }

  /** @returns what was written since the last time, in bytes of its own. */
  finish(): Uint8Array {
    const written = this.#buffer.slice(0, this.#length);
    this.discard();
    return written;
  }

  /** Forgets what was written and not finished. */
  discard(): void {
    this.#length = 0;
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = new Uint8Array(FIRST_CAPACITY_BYTES);
  }
}

/** Walks over the bytes of one encoding; every step is checked against the end. */
export class ByteReader {
  readonly #source: Uint8Array;
  #position = 0;

  constructor(source: Uint8Array) {
    this.#source = source;
  }

  #take(count: number): number {
    const start = this.#position;
    if (count > this.#source.length - start) throw new ProtocolError("malformed", "cut short");
    this.#position = start + count;
    return start;
  }

  /** Takes `count` bytes as a view of the source. */
  bytes(count: number): Uint8Array {
    const start = this.#take(count);
    return this.#source.subarray(start, start + count);
  }

  /** Takes a big-endian whole number. Throws `malformed` when it is 2^53 or more. */
  unsigned(sizeBytes: number): number {
    const start = this.#take(sizeBytes);
    let value = 0;
    for (let i = start; i < start + sizeBytes; i++) value = value * 256 + (this.#source[i] as number);
    if (value > Number.MAX_SAFE_INTEGER) throw new ProtocolError("malformed", "number");
    return value;
  }

  /** Takes a vector length (RFC 9420 §2.1.2). Longer forms than needed are `malformed`; above `max` is `too-large`. */
  length(max: number): number {
    const first = this.unsigned(1);
    const prefix = first >> 6;
    if (prefix === 3) throw new ProtocolError("malformed", "vector length");
    let value = first & 0x3f;
    if (prefix === 1) value = value * 256 + this.unsigned(1);
    if (prefix === 2) value = value * 0x100_0000 + this.unsigned(3);
    if ((prefix === 1 && value < 0x40) || (prefix === 2 && value < 0x4000)) {
      throw new ProtocolError("malformed", "vector length");
    }
    if (value > max) throw new ProtocolError("too-large", "vector");
    return value;
  }

  /** Throws `malformed` when bytes are left. */
  expectEnd(): void {
    if (this.#position !== this.#source.length) throw new ProtocolError("malformed", "bytes left over");
  }
}
