import { ByteReader, ByteWriter, LIMITS, ProtocolError } from "@parley/protocol";

const SMALLEST_BUCKET_BYTES = 256;

/**
 * Pads a message so that its size says little: to 256 bytes, then to the next of four steps per doubling
 * (at most 25 % more). Layout: length as in RFC 9420 §2.1.2, content, zero bytes.
 */
export function pad(content: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  writer.length(content.length);
  writer.bytes(content);
  const framed = writer.finish();
  const padded = new Uint8Array(bucketOf(framed.length));
  padded.set(framed);
  return padded;
}

/** Takes the content out again. Throws ProtocolError `malformed` unless all the rest is zero. */
export function unpad(padded: Uint8Array): Uint8Array {
  const reader = new ByteReader(padded);
  const content = reader.bytes(reader.length(LIMITS.messageBytes));
  const end = content.byteOffset - padded.byteOffset + content.length;
  for (let i = end; i < padded.length; i++) {
    if (padded[i] !== 0) throw new ProtocolError("malformed", "padding");
  }
  return content;
}

function bucketOf(length: number): number {
  if (length <= SMALLEST_BUCKET_BYTES) return SMALLEST_BUCKET_BYTES;
  const doubling = 2 ** Math.floor(Math.log2(length - 1));
  const step = doubling / 4;
  return Math.ceil(length / step) * step;
}
