import type { ServerFrame } from "@parley/protocol";
import { encode, serverFrame } from "@parley/protocol";

const FINAL_BINARY = 0x82;
const FINAL_PING = 0x89;
const FINAL_PONG = 0x8a;

/**
 * Wraps a message as one WebSocket frame (RFC 6455 §5.2): final, binary, and unmasked, as all frames of a server are.
 * So the same bytes are good for every socket.
 */
export function frameMessage(payload: Uint8Array): Buffer {
  const { length } = payload;
  const headerBytes = length < 126 ? 2 : length < 0x10000 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame[0] = FINAL_BINARY;
  if (headerBytes === 2) {
    frame[1] = length;
  } else if (headerBytes === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
    frame.writeUInt32BE(length % 2 ** 32, 6);
  }
  frame.set(payload, headerBytes);
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
