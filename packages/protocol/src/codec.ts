import { ByteReader, ByteWriter } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";

/**
 * How a value of `T` stands on the wire, in the presentation language of RFC 8446 §3 with the variable-size vectors
 * of RFC 9420 §2.1.2. Every codec is canonical: one value has one encoding, and decoding refuses all others.
 */
export interface Codec<T> {
  /** Appends `value`. Throws {@link ProtocolError} `too-large` or `malformed` when it has no encoding. */
  write(writer: ByteWriter, value: T): void;
  /** Takes one value. Throws {@link ProtocolError} `malformed` or `too-large`; never reads past the end. */
  read(reader: ByteReader): T;
}

/** The values of a codec: `type Entry = Infer<typeof entry>`. */
export type Infer<C> = C extends Codec<infer T> ? T : never;

/** Taken while it is in use: a codec may encode another value as it writes. */
let spareWriter: ByteWriter | undefined;

/** @returns the one encoding of `value`, in bytes of its own. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = spareWriter ?? new ByteWriter();
  spareWriter = undefined;
  try {
    codec.write(writer, value);
    return writer.finish();
  } finally {
    writer.discard();
    spareWriter = writer;
  }
}

/**
 * Reads exactly one value out of `bytes`; bytes left over are an error. Byte strings in the result are views of
 * `bytes`: whoever keeps them longer than the frame copies them.
 */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const reader = new ByteReader(bytes);
  const value = codec.read(reader);
  reader.expectEnd();
  return value;
}

function unsigned(sizeBytes: number, max: number): Codec<number> {
  return {
    write(writer, value) {
      if (!Number.isInteger(value) || value < 0 || value > max)
        throw new ProtocolError("malformed", "number");
      writer.unsigned(value, sizeBytes);
    },
    read(reader) {
      const value = reader.unsigned(sizeBytes);
      if (value > max) throw new ProtocolError("malformed", "number");
      return value;
    },
  };
}

/** One byte. */
export const u8 = unsigned(1, 0xff);
/** Two bytes, big-endian. */
export const u16 = unsigned(2, 0xffff);
/** Four bytes, big-endian. */
export const u32 = unsigned(4, 0xffff_ffff);
/** Eight bytes, big-endian; only values that a JavaScript number holds exactly (below 2^53). */
export const u53 = unsigned(8, Number.MAX_SAFE_INTEGER);

/** One byte, 0 or 1. */
export const flag: Codec<boolean> = {
  write: (writer, value) => writer.unsigned(value ? 1 : 0, 1),
  read(reader) {
    const byte = reader.unsigned(1);
    if (byte > 1) throw new ProtocolError("malformed", "flag");
    return byte === 1;
  },
};

/** Exactly `length` bytes. */
export function fixed(length: number): Codec<Uint8Array> {
  return {
    write(writer, value) {
      if (value.length !== length) throw new ProtocolError("malformed", "fixed length");
      writer.bytes(value);
    },
    read: (reader) => reader.bytes(length),
  };
}

/** A byte string of 0 to `maxBytes`, behind its length. */
export function opaque(maxBytes: number): Codec<Uint8Array> {
  return {
    write(writer, value) {
      if (value.length > maxBytes) throw new ProtocolError("too-large", "byte string");
      writer.length(value.length);
      writer.bytes(value);
    },
    read: (reader) => reader.bytes(reader.length(maxBytes)),
  };
}

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text of at most `maxBytes` bytes of UTF-8; ill-formed UTF-8 and lone surrogates are refused. */
export function text(maxBytes: number): Codec<string> {
  const raw = opaque(maxBytes);
  return {
    write(writer, value) {
      if (!value.isWellFormed()) throw new ProtocolError("malformed", "lone surrogate");
      raw.write(writer, utf8Encoder.encode(value));
    },
    read(reader) {
      try {
        return utf8Decoder.decode(raw.read(reader));
      } catch (error) {
        if (error instanceof TypeError) throw new ProtocolError("malformed", "UTF-8");
        throw error;
      }
    },
  };
}

/** At most `maxItems` items, behind their number (not their size in bytes). */
export function list<T>(item: Codec<T>, maxItems: number): Codec<readonly T[]> {
  return {
    write(writer, values) {
      if (values.length > maxItems) throw new ProtocolError("too-large", "list");
      writer.length(values.length);
      for (const value of values) item.write(writer, value);
    },
    read(reader) {
      const count = reader.length(maxItems);
      const values: T[] = [];
      for (let i = 0; i < count; i++) values.push(item.read(reader));
      return values;
    },
  };
}

/** `optional<T>` of RFC 9420 §2.1.1; `undefined` stands for absence. */
export function optional<T>(item: Codec<T>): Codec<T | undefined> {
  return {
    write(writer, value) {
      flag.write(writer, value !== undefined);
      if (value !== undefined) item.write(writer, value);
    },
    read: (reader) => (flag.read(reader) ? item.read(reader) : undefined),
  };
}

type Fields = Record<string, Codec<never>>;
/** The object that {@link struct} reads and writes. */
export type StructOf<F> = { readonly [K in keyof F]: Infer<F[K]> };

/** The fields one after the other, in the order written here. */
export function struct<const F extends Fields | Record<string, Codec<unknown>>>(
  fields: F,
): Codec<StructOf<F>> {
  const members = Object.entries(fields) as [string, Codec<unknown>][];
  return {
    write(writer, value) {
      for (const [name, codec] of members) codec.write(writer, (value as Record<string, unknown>)[name]);
    },
    read(reader) {
      const value: Record<string, unknown> = {};
      for (const [name, codec] of members) value[name] = codec.read(reader);
      return value as StructOf<F>;
    },
  };
}

type Cases = Record<string, readonly [tag: number, body: Codec<never>]>;
/** What {@link variant} reads and writes: the case's body and, as `kind`, the case's name. */
export type VariantOf<C> = {
  [K in keyof C]: C[K] extends readonly [number, Codec<infer T>] ? { readonly kind: K } & T : never;
}[keyof C];

/** One of several structs, told apart by a leading byte (`select` of RFC 8446 §3.8). */
export function variant<const C extends Cases | Record<string, readonly [number, Codec<object>]>>(
  cases: C,
): Codec<VariantOf<C>> {
  const byName = new Map<string, readonly [number, Codec<object>]>();
  const byTag = new Map<number, readonly [string, Codec<object>]>();
  for (const [name, [tag, body]] of Object.entries(cases) as [string, readonly [number, Codec<object>]][]) {
    byName.set(name, [tag, body]);
    byTag.set(tag, [name, body]);
  }
  return {
    write(writer, value) {
      const found = byName.get((value as { kind: string }).kind);
      if (!found) throw new ProtocolError("malformed", "unknown kind");
      writer.unsigned(found[0], 1);
      found[1].write(writer, value as object);
    },
    read(reader) {
      const found = byTag.get(reader.unsigned(1));
      if (!found) throw new ProtocolError("malformed", "unknown kind");
      return { kind: found[0], ...found[1].read(reader) } as VariantOf<C>;
    },
  };
}

/** One of `names`, as one byte: its place in the list. */
export function oneOf<const N extends readonly string[]>(names: N): Codec<N[number]> {
  const places = new Map<string, number>(names.map((name, place) => [name, place]));
  return {
    write(writer, value) {
      const place = places.get(value);
      if (place === undefined) throw new ProtocolError("malformed", "unknown name");
      writer.unsigned(place, 1);
    },
    read(reader) {
      const name = names[reader.unsigned(1)];
      if (name === undefined) throw new ProtocolError("malformed", "unknown name");
      return name;
    },
  };
}
