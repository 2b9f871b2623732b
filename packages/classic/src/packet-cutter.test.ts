import { createDecipheriv, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PacketCutter } from "./packet-cutter.ts";
import type { PacketEnd } from "./packet-sealer.ts";
import { PacketSealer, packetImage } from "./packet-sealer.ts";
import { SessionKey } from "./session-key.ts";
import { originalDecrypt, originalEncrypt } from "./testing/original-message.ts";
import { scanBlock } from "./utf8-blocks.ts";
import { cleanText } from "./wire-text.ts";

const BLOCK = 16;
const keyBytes = randomBytes(32);
const key = new SessionKey(keyBytes);
const mark = key.firstIv("client");

const texts = fc.array(
  fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 66 })
    .map((text) => cleanText(text).trimEnd())
    .filter((text) => text !== ""),
  { minLength: 1, maxLength: 30 },
);

function sealAll(
  messages: readonly string[],
  end: PacketEnd,
  firstIv: Uint8Array = randomBytes(BLOCK),
): Uint8Array {
  return new PacketSealer(key, firstIv).seal(messages.map((text) => packetImage(text, end)));
}

/** Reads a stream cut at the given places; only what is certain, then the tail. */
function readCut(stream: Uint8Array, cuts: readonly number[], cutter: PacketCutter): string[] {
  const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length].sort((a, b) => a - b);
  const messages = places.flatMap((place, i) => cutter.push(stream.subarray(places[i - 1] ?? 0, place)));
  const tail = cutter.flush();
  return [...messages, ...(tail === undefined ? [] : [tail])].map(({ text }) => text);
}

/**
 * Packets of originals back to back. About three in a million random IVs look like text in the place where they stand;
 * nobody could tell those, so they are left out.
 */
function originalStream(messages: readonly string[]): Uint8Array {
  let stream = Buffer.alloc(0);
  for (const text of messages) {
    const before = stream.subarray(-BLOCK);
    const looksLikeText = (iv: Uint8Array) => {
      const noise = createDecipheriv("aes-256-ecb", keyBytes, null).setAutoPadding(false).update(iv);
      return scanBlock(
        noise.map((byte, i) => byte ^ (before[i] ?? 0)),
        0,
        0,
      ).valid;
    };
    let iv = randomBytes(BLOCK);
    while (looksLikeText(iv)) iv = randomBytes(BLOCK);
    stream = Buffer.concat([stream, originalEncrypt(keyBytes, text, iv)]);
  }
  return stream;
}

describe("a stream of packets", () => {
  test("is cut into its messages wherever it was torn", () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(), { maxLength: 20 }), (messages, cuts) => {
        const cutter = new PacketCutter({ key, peerMark: mark });
        expect(readCut(sealAll(messages, "blanks"), cuts, cutter)).toEqual(messages);
      }),
      { numRuns: 300 },
    );
  });

  test("is cut the same when originals wrote it, each packet with an IV of its own", () => {
    const ascii = fc.array(fc.stringMatching(/^[!-~][ -~]{0,60}[!-~]$/), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(ascii, fc.array(fc.nat(), { maxLength: 20 }), (messages, cuts) => {
        const stream = originalStream(messages);
        const cutter = new PacketCutter({ key, peerMark: mark });
        expect(readCut(stream, cuts, cutter)).toEqual(messages);
      }),
    );
  });

  test("of a marked peer needs no tail: every packet shows its end", () => {
    fc.assert(
      fc.property(texts, fc.nat(), (messages, cut) => {
        const stream = sealAll(messages, "line", mark);
        const cutter = new PacketCutter({ key, peerMark: mark });
        const at = cut % stream.length;
        const read = [...cutter.push(stream.subarray(0, at)), ...cutter.push(stream.subarray(at))];
        expect(read.map(({ text }) => text)).toEqual(messages);
        expect(cutter.peerIsMarked).toBe(true);
        expect(cutter.tail).toBe("nothing");
      }),
    );
  });

  test("written as a batch is, packet by packet, what an original reads", () => {
    const messages = ["one", "grüße €", "a text of more than sixteen bytes"];
    for (const end of ["blanks", "line"] as const) {
      let stream = sealAll(messages, end);
      for (const text of messages) {
        const packetBytes = packetImage(text, end).length;
        expect(originalDecrypt(keyBytes, stream.subarray(0, packetBytes))).toBe(text);
        stream = stream.subarray(packetBytes);
      }
    }
  });

  test("never carries an IV twice, though one encryption runs through it", () => {
    const stream = Buffer.from(sealAll(Array(200).fill("same"), "blanks"));
    const ivs = new Set(
      Array.from({ length: 200 }, (_, i) => stream.toString("hex", i * 32, i * 32 + BLOCK)),
    );
    expect(ivs.size).toBe(200);
  });
});

describe("the tail", () => {
  const tailAfter = (text: string, keep: (packet: Uint8Array) => Uint8Array = (packet) => packet) => {
    const cutter = new PacketCutter({ key, peerMark: mark });
    cutter.push(keep(sealAll([text], "blanks")));
    return cutter.tail;
  };

  test("says how sure the end of the last packet is", () => {
    expect(tailAfter("several blanks")).toBe("ended");
    expect(tailAfter("one blank after")).toBe("perhaps-ended");
    expect(tailAfter("torn in a block", (packet) => packet.subarray(0, 20))).toBe("open");
    expect(tailAfter("torn between two blocks", (packet) => packet.subarray(0, 32))).toBe("open");
    expect(tailAfter("only the IV has come", (packet) => packet.subarray(0, BLOCK))).toBe("open");
  });

  test("is not mistaken for an end inside a message that goes on", () => {
    const text = "fifteen letters and more";
    const packet = sealAll([text], "blanks");
    const cutter = new PacketCutter({ key, peerMark: mark });
    cutter.push(packet.subarray(0, 32));
    expect(cutter.tail).toBe("perhaps-ended");
    cutter.push(packet.subarray(32));
    expect(cutter.flush()?.text).toBe(text);
  });
});

describe("what is no text", () => {
  const malformed = expect.objectContaining({ code: "malformed-stream" });
  const cutter = () => new PacketCutter({ key, peerMark: mark });

  test("throws as soon as it cannot be the IV of a next packet", () => {
    const bytes = Buffer.concat([randomBytes(BLOCK), Buffer.alloc(32, 0xff)]);
    expect(() => cutter().push(new PacketSealer(key, randomBytes(BLOCK)).seal([bytes]))).toThrow(malformed);
  });

  test("throws when it never ends", () => {
    const endless = sealAll(["x".repeat(70_000)], "blanks");
    expect(() => cutter().push(endless)).toThrow(malformed);
  });

  test("throws when the stream stops inside a block", () => {
    const torn = cutter();
    torn.push(sealAll(["hello"], "blanks").subarray(0, 31));
    expect(() => torn.flush()).toThrow(malformed);
  });
});

test("control characters typed by an original stay with their message", () => {
  // Arrow keys of the original's screen type escape sequences.
  const stream = Buffer.concat(
    ["\u001b[Dfirst", "abcdefghijklmnop\u001b[D and on"].map((text) => originalEncrypt(keyBytes, text)),
  );
  const cutter = new PacketCutter({ key, peerMark: mark });
  expect(readCut(stream, [], cutter)).toEqual(["\u001b[Dfirst", "abcdefghijklmnop\u001b[D and on"]);
});

test("packets are kept as they stood on the wire when that is asked for", () => {
  const packets = ["one", "two and a half blocks of text here"].map((text) =>
    originalEncrypt(keyBytes, text),
  );
  const cutter = new PacketCutter({ key, peerMark: mark, keepPackets: true });
  const read = [...cutter.push(Buffer.concat(packets)), cutter.flush()];
  expect(read.map((message) => message?.packet)).toEqual(packets);
  expect(read.map((message) => message?.packetBytes)).toEqual(packets.map(({ length }) => length));
});
