import type { Writable } from "node:stream";
import { decode, encode, serverFrame } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import * as ws from "ws";
import {
  frameAppended,
  frameEntries,
  frameForWire,
  frameMessage,
  framePong,
  PING_FRAME,
} from "./websocket-framing.ts";

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
      const frame = frameEntries([{ bytes: entry }]);
      expect(frame.equals(frameForWire({ kind: "entry", entry }))).toBe(true);
      const [heard] = await readBack(frame);
      expect(decode(serverFrame, Uint8Array.from(heard?.[1] ?? []))).toEqual({ kind: "entry", entry });
      expect(encode(serverFrame, { kind: "entry", entry })).toHaveLength(heard?.[1].length ?? -1);
    }
  });

  it("put many entries one after the other", () => {
    const entries = LENGTHS.map((length) => new Uint8Array(length).fill(length % 251));
    const apart = entries.map((entry) => frameForWire({ kind: "entry", entry }));
    expect(frameEntries(entries.map((bytes) => ({ bytes }))).equals(Buffer.concat(apart))).toBe(true);
    expect(frameEntries([])).toHaveLength(0);
  });

  it("give the answer to an append the bytes that the codec gives it", () => {
    const numbers = [0, 1, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 1.7e12, Number.MAX_SAFE_INTEGER];
    for (const id of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
      for (const [place, seq] of numbers.entries()) {
        const receivedAtMs = numbers.at(-place - 1) as number;
        const answer = { kind: "appended", seq, receivedAtMs } as const;
        const expected = frameForWire({ kind: "answer", id, answer });
        expect(frameAppended(id, seq, receivedAtMs).equals(expected)).toBe(true);
      }
    }
  });
});
