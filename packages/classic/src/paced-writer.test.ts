import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { PacedWriter } from "./paced-writer.ts";
import { PacketSealer, packetImage } from "./packet-sealer.ts";
import { SessionKey } from "./session-key.ts";
import { HandClock } from "./testing/hand-clock.ts";
import { originalDecrypt } from "./testing/original-message.ts";

/** What an original needs between two packets (classic-v1 §6 rule 4), in ms. */
const PACE_MS = 20;
const keyBytes = randomBytes(32);

/** A writer to a peer that reads (or, with `reads` false, does not), and each write as that peer would see it. */
function setUp({ settleMs = 0, reads = true, backlogLimitBytes = 100_000 } = {}) {
  const writes: Uint8Array[] = [];
  const clock = new HandClock();
  let slow = 0;
  const socket = new Duplex({
    read() {},
    write(chunk: Uint8Array, _encoding, done) {
      writes.push(chunk);
      if (reads) done();
    },
  });
  const writer = new PacedWriter({
    socket: socket as unknown as Socket,
    sealer: new PacketSealer(new SessionKey(keyBytes), randomBytes(16)),
    clock,
    settleMs,
    backlogLimitBytes,
    onSlow: () => slow++,
  });
  const write = (...texts: string[]) => {
    for (const text of texts) writer.write(packetImage(text, "blanks"));
  };
  const seen = () => writes.map((packet) => originalDecrypt(keyBytes, packet));
  return { clock, writer, write, writes, seen, slow: () => slow, ended: () => socket.writableEnded };
}

describe("towards a peer that may be an original", () => {
  test("packets go one by one, 20 ms apart", () => {
    const { clock, write, seen } = setUp();
    write("one", "two", "three");
    clock.turn(0);
    expect(seen()).toEqual(["one"]);
    expect(PACE_MS).toBe(20);
    clock.turn(PACE_MS - 1);
    expect(seen()).toEqual(["one"]);
    clock.turn(1);
    expect(seen()).toEqual(["one", "two"]);
    clock.turn(PACE_MS);
    expect(seen()).toEqual(["one", "two", "three"]);
  });

  test("the gap is kept across an empty queue", () => {
    const { clock, write, seen } = setUp();
    write("one");
    clock.turn(5);
    write("two");
    clock.turn(PACE_MS - 6);
    expect(seen()).toEqual(["one"]);
    clock.turn(1);
    expect(seen()).toEqual(["one", "two"]);
  });

  test("the first packet waits until the peer has had time to compute its key", () => {
    const { clock, write, seen } = setUp({ settleMs: 500 });
    write("notice");
    clock.turn(499);
    expect(seen()).toEqual([]);
    clock.turn(1);
    expect(seen()).toEqual(["notice"]);
  });

  test("the last word overtakes what waits, and the connection ends behind it", () => {
    const { clock, write, writer, seen, ended } = setUp();
    write("one", "two", "three");
    clock.turn(0);
    writer.end(packetImage("Acknowledged", "blanks"));
    write("too late");
    expect(ended()).toBe(false);
    clock.turn(PACE_MS);
    expect(seen()).toEqual(["one", "Acknowledged"]);
    expect(ended()).toBe(true);
  });
});

test("towards one of ours everything of one turn of the event loop is one write", async () => {
  const { write, writer, writes } = setUp({ settleMs: 500 });
  write("one", "two");
  writer.unpace();
  write("three");
  await new Promise(setImmediate);
  expect(writes).toHaveLength(1);
  expect(writes[0]).toHaveLength(3 * 32);
  write("four");
  await new Promise(setImmediate);
  expect(writes).toHaveLength(2);
});

describe("a peer that does not read", () => {
  test("is given up when too much waits for it, once, and its queue is gone", () => {
    const { clock, write, slow, seen } = setUp({ backlogLimitBytes: 320 });
    write(...Array(10).fill("32 bytes"));
    expect(slow()).toBe(0);
    write("one too many");
    expect(slow()).toBe(1);
    write("more");
    clock.turn(10_000);
    expect([slow(), seen().length]).toEqual([1, 0]);
  });

  test("is given up when what was written has not gone out for half a minute", async () => {
    const { clock, writer, write, slow } = setUp({ reads: false });
    writer.unpace();
    write(...Array(1000).fill("x".repeat(60)));
    await new Promise(setImmediate);
    clock.turn(29_999);
    expect(slow()).toBe(0);
    clock.turn(1);
    expect(slow()).toBe(1);
  });
});
