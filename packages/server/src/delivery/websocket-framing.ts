import type { ServerFrame } from "@parley/protocol";
import { encode, serverFrame } from "@parley/protocol";

const FINAL_BINARY = 0x82;
const FINAL_PING = 0x89;
const FINAL_PONG = 0x8a;

const ENTRY_TAG = encode(serverFrame, { kind: "entry", entry: new Uint8Array() })[0] as number;

/**
 * Wraps a message as one WebSocket frame (RFC 6455 §5.2): final, binary, and unmasked, as all frames of a server are.
 * So the same bytes are good for every socket.
 */
export function frameMessage(payload: Uint8Array): Buffer {
  const { frame, start } = startFrame(payload.length);
  frame.set(payload, start);
  return frame;
}

/** The frame `{ kind: "entry", entry }`, written without going through the codec: it is by far the most frequent one. */
export function frameEntry(entry: Uint8Array): Buffer {
  const { length } = entry;
  const lengthBytes = length < 0x40 ? 1 : length < 0x4000 ? 2 : 4;
  const { frame, start } = startFrame(1 + lengthBytes + length);
  frame[start] = ENTRY_TAG;
  if (lengthBytes === 1) frame[start + 1] = length;
  else if (lengthBytes === 2) frame.writeUInt16BE(0x4000 + length, start + 1);
  else frame.writeUInt32BE(0x8000_0000 + length, start + 1);
  frame.set(entry, start + 1 + lengthBytes);
  return frame;
}

/** @returns a buffer for a frame of this many bytes of payload, which begin at `start`. */
function startFrame(payloadBytes: number): { frame: Buffer; start: number } {
  const start = payloadBytes < 126 ? 2 : payloadBytes < 0x10000 ? 4 : 10;
  const frame = Buffer.allocUnsafe(start + payloadBytes);
  frame[0] = FINAL_BINARY;
  if (start === 2) {
    frame[1] = payloadBytes;
  } else if (start === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(payloadBytes, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(payloadBytes, 6);
  }
  return { frame, start };
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
