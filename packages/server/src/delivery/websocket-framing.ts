import type { ServerFrame } from "@parley/protocol";
import { encode, serverFrame } from "@parley/protocol";

const FINAL_BINARY = 0x82;
const FINAL_PING = 0x89;
const FINAL_PONG = 0x8a;

const ENTRY_TAG = encode(serverFrame, { kind: "entry", entry: new Uint8Array() })[0] as number;
const APPENDED = encode(serverFrame, {
  kind: "answer",
  id: 0,
  answer: { kind: "appended", seq: 0, receivedAtMs: 0 },
});
const TWO_TO_32 = 0x1_0000_0000;

/**
 * Wraps a message as one WebSocket frame (RFC 6455 §5.2): final, binary, and unmasked, as all frames of a server are.
 * So the same bytes are good for every socket.
 */
export function frameMessage(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes(payload.length) + payload.length);
  frame.set(payload, writeHeader(frame, 0, payload.length));
  return frame;
}

/**
 * The frames `{ kind: "entry", entry }` one after the other, written without going through the codec: they are by far
 * the most frequent ones.
 */
export function frameEntries(entries: readonly { readonly bytes: Uint8Array }[]): Buffer {
  let sizeBytes = 0;
  for (const { bytes } of entries) {
    const payloadBytes = 1 + vectorLengthBytes(bytes.length) + bytes.length;
    sizeBytes += headerBytes(payloadBytes) + payloadBytes;
  }
  const frames = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  for (const { bytes } of entries) {
    const { length } = bytes;
    const lengthBytes = vectorLengthBytes(length);
    at = writeHeader(frames, at, 1 + lengthBytes + length);
    frames[at++] = ENTRY_TAG;
    if (lengthBytes === 1) frames[at] = length;
    else if (lengthBytes === 2) frames.writeUInt16BE(0x4000 + length, at);
    else frames.writeUInt32BE(0x8000_0000 + length, at);
    at += lengthBytes;
    frames.set(bytes, at);
    at += length;
  }
  return frames;
}

/** RFC 9420 §2.1.2. */
function vectorLengthBytes(length: number): 1 | 2 | 4 {
  return length < 0x40 ? 1 : length < 0x4000 ? 2 : 4;
}

function headerBytes(payloadBytes: number): 2 | 4 | 10 {
  return payloadBytes < 126 ? 2 : payloadBytes < 0x10000 ? 4 : 10;
}

/** Writes the header of a frame with this many bytes of payload. @returns where they begin. */
function writeHeader(frames: Buffer, at: number, payloadBytes: number): number {
  const length = headerBytes(payloadBytes);
  frames[at] = FINAL_BINARY;
  if (length === 2) {
    frames[at + 1] = payloadBytes;
  } else if (length === 4) {
    frames[at + 1] = 126;
    frames.writeUInt16BE(payloadBytes, at + 2);
  } else {
    frames[at + 1] = 127;
    frames.writeUInt32BE(0, at + 2);
    frames.writeUInt32BE(payloadBytes, at + 6);
  }
  return at + length;
}

/** The frame `{ kind: "answer", id, answer: { kind: "appended", seq, receivedAtMs } }`: the second most frequent one. */
export function frameAppended(id: number, seq: number, receivedAtMs: number): Buffer {
  const frame = frameMessage(APPENDED);
  frame.writeUInt32BE(id, 3);
  frame.writeUInt32BE(Math.floor(seq / TWO_TO_32), 8);
  frame.writeUInt32BE(seq % TWO_TO_32, 12);
  frame.writeUInt32BE(Math.floor(receivedAtMs / TWO_TO_32), 16);
  frame.writeUInt32BE(receivedAtMs % TWO_TO_32, 20);
  return frame;
}

/** Encodes a frame of the protocol and wraps it for the wire. */
export function frameForWire(frame: ServerFrame): Buffer {
  return frameMessage(encode(serverFrame, frame));
}

/** A ping without a payload (RFC 6455 §5.5.2). */
export const PING_FRAME: Buffer = Buffer.from([FINAL_PING, 0]);

/** The answer to a ping: its payload (at most 125 bytes) given back. */
export function framePong(payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([FINAL_PONG, payload.length]), payload]);
}
