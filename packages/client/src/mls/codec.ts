import { MlsError } from "./errors.ts";

/** Appends big-endian numbers and length-prefixed bytes; our own stored formats, never the wire's. */
export class ByteWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  uint8(value: number): this {
    return this.raw(Uint8Array.of(value));
  }

  uint32(value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    return this.raw(bytes);
  }

  uint64(value: bigint): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value);
    return this.raw(bytes);
  }

  bytes(value: Uint8Array): this {
    return this.uint32(value.length).raw(value);
  }

  text(value: string): this {
    return this.bytes(new TextEncoder().encode(value));
  }

  finish(): Uint8Array {
    const joined = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
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
    if (start + lengthBytes > this.#source.length) throw new MlsError("corrupt", "stored bytes end too early");
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
