import type { Writable } from "node:stream";
import { decode, encode, serverFrame } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import * as ws from "ws";
import { frameEntry, frameForWire, frameMessage, framePong, PING_FRAME } from "./websocket-framing.ts";

const LENGTHS = [0, 1, 61, 62, 63, 64, 120, 125, 126, 127, 0x3fff, 0x4000, 0xfffb, 0xffff, 0x10000, 0x20000];

// Exported by ws, and missing in its types.
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable };

async function readBack(...frames: readonly Buffer[]): Promise<[string, Buffer][]> {
  const receiver = new Receiver({ isServer: false });
  const heard: [string, Buffer][] = [];
  for (const event of ["message", "ping", "pong"])
    receiver.on(event, (data: Buffer) => heard.push([event, data]));
  for (const frame of frames) receiver.write(frame);
  await new Promise((resolve) => receiver.end(resolve));
  return heard;
}

describe("frames written by hand", () => {
  it("are read by ws as what they were, at every length of header", async () => {
    const messages = LENGTHS.map((length) => Buffer.alloc(length, length % 251));
    const heard = await readBack(...messages.map(frameMessage), PING_FRAME, framePong(Buffer.from("abc")));
    expect(heard.slice(0, -2).map(([, data]) => data)).toEqual(messages);
    expect(heard.slice(-2)).toEqual([
      ["ping", Buffer.alloc(0)],
      ["pong", Buffer.from("abc")],
    ]);
  });

  it("give entries the bytes that the codec gives them", async () => {
    for (const length of LENGTHS) {
      const entry = new Uint8Array(length).fill(length % 251);
      expect(frameEntry(entry).equals(frameForWire({ kind: "entry", entry }))).toBe(true);
      const [heard] = await readBack(frameEntry(entry));
      expect(decode(serverFrame, Uint8Array.from(heard?.[1] ?? []))).toEqual({ kind: "entry", entry });
      expect(encode(serverFrame, { kind: "entry", entry })).toHaveLength(heard?.[1].length ?? -1);
    }
  });
});
