import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { ClassicLink, OutgoingText } from "./link.ts";
import type { Role } from "./session-key.ts";
import { SessionKey } from "./session-key.ts";
import { HandClock } from "./testing/hand-clock.ts";
import { originalDecrypt, originalEncrypt } from "./testing/original-message.ts";

const SETTLE_MS = 500;
const keyBytes = randomBytes(32);
const key = new SessionKey(keyBytes);

/** Two ends of one TCP connection. */
async function connectedPair(): Promise<{ left: Socket; right: Socket }> {
  const server = createServer({ noDelay: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const left = connect({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, noDelay: true });
  const [right] = (await once(server, "connection")) as [Socket];
  server.close();
  onTestFinished(() => {
    left.destroy();
    right.destroy();
  });
  return { left, right };
}

/** A link, and what it has been told so far. */
function linkOn(socket: Socket, role: Role, clock: HandClock) {
  const texts: string[] = [];
  let wake = () => {};
  const link = new ClassicLink({
    socket,
    key,
    role,
    clock,
    settleMs: SETTLE_MS,
    onMessage: ({ text }) => {
      texts.push(text);
      wake();
    },
    onClose: () => {},
  });
  const hears = async (text: string) => {
    while (!texts.includes(text)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { link, texts, hears, say: (text: string) => link.send(new OutgoingText(text)) };
}

test("an end of ours that only listens is recognised by what it answers to the first text it hears", async () => {
  const clock = new HandClock();
  const { left, right } = await connectedPair();
  const relay = linkOn(left, "relay", clock);
  const client = linkOn(right, "client", clock);
  relay.say("one");
  clock.turn(SETTLE_MS);
  const [, arrived] = [await once(right, "data"), once(left, "data")];
  clock.turn(30);
  await client.hears("one");
  await arrived;
  expect([relay.link.peerIsOurs, client.link.peerIsOurs]).toEqual([true, true]);

  // The clock stands still from here: nothing is paced, and nothing waits for a quiet time.
  for (const text of ["two", "three", "four"]) relay.say(text);
  client.say("five");
  await client.hears("four");
  await relay.hears("five");
  expect(client.texts).toEqual(["one", "two", "three", "four"]);
  expect(relay.texts).toEqual(["five"]);
});

test("an end that may be an original is sent ordinary packets and never a blank one", async () => {
  const clock = new HandClock();
  const { left, right } = await connectedPair();
  const client = linkOn(left, "client", clock);
  right.write(originalEncrypt(keyBytes, "from the original"));
  await once(left, "data");
  clock.turn(30);
  await client.hears("from the original");
  expect(client.link.peerIsOurs).toBe(false);
  client.say("hello");
  clock.turn(SETTLE_MS);
  const [packet] = (await once(right, "data")) as [Buffer];
  expect(packet).toHaveLength(32);
  expect(originalDecrypt(keyBytes, packet)).toBe("hello");
});
