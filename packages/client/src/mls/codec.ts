import { MlsError } from "./errors.ts";

/** Appends big-endian numbers and length-prefixed bytes; our own stored formats, never the wire's. */
export class ByteWriter {
  #buffer = new Uint8Array(192);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;

  #grow(lengthBytes: number): number {
    const at = this.#length;
    this.#length = at + lengthBytes;
    if (this.#length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#buffer.length * 2));
      larger.set(this.#buffer);
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  uint8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  uint32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
    return this;
  }

  uint64(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.uint32(value.length);
    const at = this.#grow(value.length);
    this.#buffer.set(value, at);
    return this;
  }

  text(value: string): this {
    return this.bytes(new TextEncoder().encode(value));
  }

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }
}

/** Reads what {@link ByteWriter} wrote. Every reading past the end is `corrupt`; bytes come out as copies. */
export class ByteReader {
  readonly #source: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(source: Uint8Array) {
    this.#source = source;
    this.#view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  }

  #take(lengthBytes: number): number {
    const start = this.#at;
    if (start + lengthBytes > this.#source.length)
      throw new MlsError("corrupt", "stored bytes end too early");
    this.#at = start + lengthBytes;
    return start;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  uint64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  bytes(): Uint8Array {
    const length = this.uint32();
    const start = this.#take(length);
    return this.#source.slice(start, start + length);
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }

  /** @throws MlsError `corrupt` when bytes are left */
  end(): void {
    if (this.#at !== this.#source.length) throw new MlsError("corrupt", "stored bytes go on too long");
  }
}
