import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Clock } from "@parley/classic";
import { ClassicRelay, MODP14 } from "@parley/classic";
import { HandClock, ListeningClient, OriginalClient, patientClock } from "@parley/classic/testing";
import { expect, onTestFinished, test } from "vitest";

const HELLO_BYTES = 2064;

/** A clock whose waits of a second and more end when `hand` is turned; shorter ones, as between packets, by themselves. */
function longWaitsByHand(hand: HandClock): Clock {
  return {
    nowMs: () => patientClock.nowMs(),
    after: (delayMs, action) => (delayMs < 1_000 ? patientClock : hand).after(delayMs, action),
  };
}

/** A connection that is greeted and never answers. */
async function connectSilently(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {});
  let received = 0;
  for (const chunks = socket.iterator({ destroyOnReturn: false }); received < HELLO_BYTES; ) {
    received += ((await chunks.next()).value as Buffer).length;
  }
  socket.resume();
  return socket;
}

const is = (wanted: string) => (line: string) => line === wanted;

test("thirty seconds of a silent handshake disturb nobody, and then it is over", async () => {
  const hand = new HandClock();
  const log: string[] = [];
  const relay = await ClassicRelay.start({
    port: 0,
    group: MODP14,
    clock: longWaitsByHand(hand),
    log: (line) => log.push(line),
  });
  onTestFinished(() => relay.close());
  const silent = await connectSilently(relay.port);
  const silentGone = once(silent, "close");

  // The silent one's time stands still, so nobody can have waited for it.
  await using ann = await ListeningClient.join(relay.port);
  await using bob = await ListeningClient.join(relay.port);
  ann.send("is anybody here?");
  bob.send("I am");
  await ann.waitFor(is("127.0.0.1: I am"));
  await bob.waitFor(is("127.0.0.1: is anybody here?"));

  hand.turn(29_999);
  using original = await OriginalClient.join(relay.port);
  await ann.waitFor(is("127.0.0.1 has joined"));
  ann.send("who came?");
  await bob.waitFor(is("127.0.0.1: who came?"));
  expect(silent.destroyed).toBe(false);
  expect(relay.memberCount).toBe(3);

  hand.turn(1);
  await silentGone;
  expect(log).toContain("Key Exchange with 127.0.0.1 failed: The client took too long to answer.");
  expect(relay.memberCount).toBe(3);
  await original.waitFor(is("127.0.0.1: who came?"));
  // Nobody had heard of it, so nobody is told that it went.
  expect(original.lines).not.toContain("127.0.0.1 has disconnected");
});

test("five hundred silent connections keep nobody out", async () => {
  const clock = longWaitsByHand(new HandClock());
  const relay = await ClassicRelay.start({ port: 0, group: MODP14, clock });
  onTestFinished(() => relay.close());
  const silent = await Promise.all(Array.from({ length: 513 }, () => connectSilently(relay.port)));
  await using ann = await ListeningClient.join(relay.port);
  await using bob = await ListeningClient.join(relay.port);
  ann.send("hello");
  bob.send("hello to you");
  await ann.waitFor(is("127.0.0.1: hello to you"));
  expect(relay.memberCount).toBe(2);
  expect(silent.some(({ destroyed }) => destroyed)).toBe(true);
});
