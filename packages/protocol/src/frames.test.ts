import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, encode } from "./codec.ts";
import type { ClientFrame, ServerFrame } from "./frames.ts";
import { clientFrame, serverFrame } from "./frames.ts";
import { decodeRoomLogEntry, encodeRoomLogEntry } from "./room-log.ts";
import { clientFramesByKind, serverFramesByKind } from "./test-frames.ts";
import { acceptsOnlyCanonical, expectRoundTrip, fuzz, refusal } from "./test-round-trip.ts";

interface Vectors {
  readonly valid: readonly { format: keyof typeof FORMATS; hex: string; value: unknown }[];
  readonly invalid: readonly { format: keyof typeof FORMATS; hex: string; code: string; why: string }[];
}

const client = {
  encode: (frame: ClientFrame) => encode(clientFrame, frame),
  decode: (bytes: Uint8Array) => decode(clientFrame, bytes),
};
const server = {
  encode: (frame: ServerFrame) => encode(serverFrame, frame),
  decode: (bytes: Uint8Array) => decode(serverFrame, bytes),
};
const FORMATS = {
  client,
  server,
  entry: { encode: encodeRoomLogEntry, decode: decodeRoomLogEntry },
} as const;

const CASES_PER_DIRECTION = 40_000;
const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/protocol/frames.json", import.meta.url), "utf8"),
);

/** Bytes as hex, absent fields left out: how the vectors write a value. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, field) => (field instanceof Uint8Array ? field.toHex() : field)),
  );
}

test("client frames of every kind come back as they were", () => {
  expect(clientFramesByKind).toHaveLength(18);
  for (const frames of clientFramesByKind) expectRoundTrip(client, frames);
});

test("server frames of every kind come back as they were", () => {
  for (const frames of serverFramesByKind) expectRoundTrip(server, frames);
});

describe.each([
  ["client", clientFramesByKind as readonly fc.Arbitrary<unknown>[]],
  ["server", serverFramesByKind as readonly fc.Arbitrary<unknown>[]],
] as const)("damaged %s frames", (direction, kinds) => {
  test("are refused with a ProtocolError, or are the encoding of another frame", () => {
    const format = FORMATS[direction] as {
      encode: (value: unknown) => Uint8Array;
      decode: (bytes: Uint8Array) => unknown;
    };
    fc.assert(
      fc.property(fc.integer(), fc.tuple(...kinds), (seed, values) => {
        const cases = CASES_PER_DIRECTION / 4;
        const accepted = fuzz(values.map(format.encode), cases, seed, (bytes) =>
          acceptsOnlyCanonical(format, bytes),
        );
        expect(accepted).toBeGreaterThan(0);
        expect(accepted).toBeLessThan(cases);
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });
});

test.each(vectors.valid)("vector: $format $hex", ({ format, hex, value }) => {
  const { encode: write, decode: read } = FORMATS[format] as {
    encode: (value: unknown) => Uint8Array;
    decode: (bytes: Uint8Array) => unknown;
  };
  const frame = read(Uint8Array.fromHex(hex));
  expect(plain(frame)).toEqual(value);
  expect(write(frame).toHex()).toBe(hex);
});

test.each(vectors.invalid)("vector: $format $why", ({ format, hex, code }) => {
  expect(refusal(() => FORMATS[format].decode(Uint8Array.fromHex(hex)))).toBe(code);
});
