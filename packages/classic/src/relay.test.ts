import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { MODP14 } from "./group.ts";
import type { RelayOptions } from "./relay.ts";
import { ClassicRelay } from "./relay.ts";
import { HandClock, patientClock } from "./testing/hand-clock.ts";
import { ListeningClient } from "./testing/listening-client.ts";
import { OriginalClient } from "./testing/original-client.ts";
import {
  originalEncrypt,
  originalPackage,
  originalPow,
  originalPrivateKey,
  originalSharedKey,
  originalUnpack,
} from "./testing/original-message.ts";
import { SocketReader } from "./testing/socket-reader.ts";

const { p } = MODP14;
const is = (wanted: string) => (line: string) => line === wanted;
const says = (text: string) => is(`127.0.0.1: ${text}`);
const LEFT = is("127.0.0.1 has disconnected");

/** A relay, its log, and a way to wait for a line of it. */
async function startRelay(options: Partial<RelayOptions> = {}) {
  const log: string[] = [];
  const waiting = new Set<() => void>();
  const relay = await ClassicRelay.start({
    port: 0,
    group: MODP14,
    clock: patientClock,
    log: (line) => {
      log.push(line);
      for (const resolve of waiting) resolve();
    },
    ...options,
  });
  onTestFinished(() => relay.close());
  const logged = async (test: (line: string) => boolean) => {
    while (!log.some(test)) await new Promise<void>((resolve) => waiting.add(resolve));
  };
  return { relay, port: relay.port, log, logged };
}

async function joinOriginal(port: number): Promise<OriginalClient> {
  const client = await OriginalClient.join(port);
  onTestFinished(() => client[Symbol.dispose]());
  return client;
}

/** A bare connection that has read the HELLO; what comes next is up to the test. */
async function greet(port: number) {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  onTestFinished(() => void socket.destroy());
  const reader = new SocketReader(socket);
  const hello = originalUnpack(await reader.recvAll(2064));
  const privateKey = originalPrivateKey();
  return {
    socket,
    answer: originalPackage(originalPow(hello.g, privateKey, hello.p), 1024),
    key: originalSharedKey(hello.publicKey, privateKey, hello.p),
  };
}

const gone = (socket: Socket) => (socket.closed ? Promise.resolve() : once(socket, "close"));

describe("the key exchange", () => {
  test("takes an answer in pieces, with the first message in the last of them", async () => {
    const { port, logged } = await startRelay();
    const bob = await joinOriginal(port);
    const { socket, answer, key } = await greet(port);
    socket.write(answer.subarray(0, 512));
    // The first half has been read when a whole other handshake has passed.
    await joinOriginal(port);
    socket.write(Buffer.concat([answer.subarray(512), originalEncrypt(key, "at once")]));
    await bob.waitFor(says("at once"));
    await logged((line) => line.startsWith("Client Key: hidden, fingerprint "));
  });

  test.each([
    ["0", 0n],
    ["1", 1n],
    ["p − 1", p - 1n],
    ["p", p],
    ["p + 1", p + 1n],
  ])("refuses the public key %s", async (_name, publicKey) => {
    const { relay, port, log } = await startRelay();
    const { socket } = await greet(port);
    socket.write(originalPackage(publicKey, 1024));
    await gone(socket);
    expect(relay.memberCount).toBe(0);
    expect(log).toContain(
      "Key Exchange with 127.0.0.1 failed: The client's public key gives the secret away: refused.",
    );
  });

  test("leaves an original in peace while it still computes its key", async () => {
    const clock = new HandClock();
    const { relay, port } = await startRelay({ clock });
    const { socket, answer } = await greet(port);
    socket.write(answer);
    await expect.poll(() => relay.memberCount).toBe(1);
    await joinOriginal(port);
    await expect.poll(() => relay.memberCount).toBe(2);
    clock.turn(499);
    // What had been written before it would have arrived by the end of another handshake.
    await joinOriginal(port);
    expect(socket.bytesRead).toBe(2064);
    clock.turn(1);
    await once(socket, "data");
    expect(socket.bytesRead).toBe(2064 + 48);
  });

  test("survives connections that close or reset before their answer", async () => {
    const { port, logged } = await startRelay();
    for (const part of [
      (socket: Socket) => socket.end(),
      (socket: Socket) => socket.resetAndDestroy(),
      (socket: Socket) => socket.end(Buffer.alloc(500)),
    ]) {
      const socket = connect({ host: "127.0.0.1", port });
      await once(socket, "connect");
      part(socket);
      await gone(socket.resume());
    }
    await logged(is("Key Exchange with 127.0.0.1 failed: The client left before its answer."));
    const ann = await joinOriginal(port);
    const bob = await joinOriginal(port);
    bob.send("still open?");
    await ann.waitFor(says("still open?"));
  });
});

describe("messages", () => {
  test("that arrive together are relayed one by one", async () => {
    const { port } = await startRelay();
    const ann = await joinOriginal(port);
    const bob = await joinOriginal(port);
    const texts = Array.from({ length: 20 }, (_, i) => `line ${i}`);
    ann.socket.write(Buffer.concat(texts.map((text) => originalEncrypt(ann.key, text))));
    await bob.waitFor(says("line 19"));
    expect(bob.lines.filter((line) => line.startsWith("127.0.0.1: "))).toEqual(
      texts.map((text) => `127.0.0.1: ${text}`),
    );
  });

  test("that arrive in pieces are put together", async () => {
    const { port } = await startRelay();
    const ann = await joinOriginal(port);
    const bob = await joinOriginal(port);
    const packet = originalEncrypt(ann.key, "a text of more than one block, torn twice");
    for (const [from, to] of [
      [0, 7],
      [7, 40],
      [40, packet.length],
    ]) {
      ann.socket.write(packet.subarray(from, to));
      await new Promise(setImmediate);
    }
    await bob.waitFor(says("a text of more than one block, torn twice"));
  });

  test("beyond ASCII reach an original, whatever their number of bytes", async () => {
    const { port } = await startRelay();
    const bob = await joinOriginal(port);
    await using ann = await ListeningClient.join(port);
    const text = "grüße € ".repeat(9).trimEnd();
    ann.send(text);
    await bob.waitFor((line) => line.trimEnd() === `127.0.0.1: ${text}`);
    expect(bob.fault).toBeUndefined();
  });

  test.each([996, 997, 1007])(
    "of %i bytes reach an original whole, split where they must be",
    async (length) => {
      const { port } = await startRelay();
      const ann = await joinOriginal(port);
      const bob = await joinOriginal(port);
      const text = "0123456789".repeat(101).slice(0, length);
      ann.send(text);
      ann.send("the end");
      await bob.waitFor(says("the end"));
      const chat = bob.lines.filter((line) => line.startsWith("127.0.0.1: "));
      expect(chat.slice(0, -1).join("").replaceAll("127.0.0.1: ", "")).toBe(text);
      expect(bob.lines).not.toContain("");
    },
  );

  test("carry no control character, NUL or new line to a screen or into the log", async () => {
    const { port, log, logged } = await startRelay({ showSecrets: true });
    const ann = await joinOriginal(port);
    const bob = await joinOriginal(port);
    ann.send("a\u0000b\u001b]0;owned\u0007c\n[12:34] 10.0.0.7: forged");
    const clean = "a\ufffdb\ufffd]0;owned\ufffdc [12:34] 10.0.0.7: forged";
    await bob.waitFor(says(clean));
    await logged(is(`127.0.0.1 [Decrypted]: ${clean}`));
    expect(log.join("")).not.toMatch(/\p{Cc}/u);
  });
});

describe("what cannot be read", () => {
  const junk = (length: number) => Buffer.alloc(length, 0xa5);
  test.each<[string, (key: Uint8Array) => Uint8Array]>([
    ["fifteen bytes", () => junk(15)],
    ["thirty-three bytes", () => junk(33)],
    ["random bytes", () => junk(48)],
    ["no UTF-8", (key) => originalEncrypt(key, "x").fill(0, 16)],
    ["a message without an end", (key) => originalEncrypt(key, "x".repeat(70_000))],
  ])("(%s) ends that client alone, and the others are told", async (_name, packet) => {
    const hand = new HandClock();
    const { port, logged } = await startRelay({
      // Half a block waits for its other half until time is up: turned by hand below.
      clock: {
        nowMs: () => patientClock.nowMs(),
        after: (delayMs, action) => (delayMs < 1_000 ? patientClock : hand).after(delayMs, action),
      },
    });
    const ann = await joinOriginal(port);
    const bob = await joinOriginal(port);
    const { socket, answer, key } = await greet(port);
    socket.write(Buffer.concat([answer, originalEncrypt(key, "first"), packet(key)]));
    const over = gone(socket);
    await ann.waitForCount(2, is("127.0.0.1 has joined"));
    hand.turn(2_000);
    await over;
    await ann.waitFor(LEFT);
    await logged((line) => line.startsWith("127.0.0.1 was dropped: What came over the connection"));
    bob.send("who was that?");
    await ann.waitFor(says("who was that?"));
    expect(bob.lines).not.toContain("Connection Lost");
  });
});

test("a client that stops reading is dropped; the others go on", async () => {
  const { port, logged } = await startRelay({ backlogLimitBytes: 256 * 1024 });
  await using ann = await ListeningClient.join(port);
  await using bob = await ListeningClient.join(port);
  bob.send("I read everything");
  await ann.waitFor(says("I read everything"));
  const { socket, answer } = await greet(port);
  socket.pause();
  socket.write(answer);
  await ann.waitForCount(2, is("127.0.0.1 has joined"));
  for (let i = 0; i < 500; i++) ann.send(`${i} ${"x".repeat(900)}`);
  await logged(is("127.0.0.1 was dropped: The other end does not read fast enough."));
  ann.send("the end");
  await bob.waitFor(says("the end"));
  expect(bob.lines.filter((line) => line.endsWith("xxx"))).toHaveLength(500);
});

describe("coming and going", () => {
  test("is told to the others, never to the one who comes", async () => {
    const { port, log } = await startRelay();
    const ann = await joinOriginal(port);
    const bob = await joinOriginal(port);
    await ann.waitFor(is("127.0.0.1 has joined"));
    bob.send("!exit");
    await bob.waitFor(is("Connection Lost"));
    await ann.waitFor(LEFT);
    expect(bob.lines).toEqual(["Acknowledged", "Connection Lost"]);
    expect(ann.lines).toEqual(["127.0.0.1 has joined", "127.0.0.1 has disconnected"]);
    expect(log.filter(LEFT)).toHaveLength(1);
  });

  test("a member that is cut off while another joins harms nobody", async () => {
    const { port } = await startRelay();
    const ann = await joinOriginal(port);
    const bob = await joinOriginal(port);
    bob.socket.resetAndDestroy();
    const cyd = await joinOriginal(port);
    cyd.send("hello");
    await ann.waitFor(says("hello"));
    expect(ann.lines.filter(LEFT)).toHaveLength(1);
  });

  test("closing the relay disconnects everybody and gives the port back", async () => {
    const { relay, port } = await startRelay();
    const members = [await joinOriginal(port), await joinOriginal(port), await joinOriginal(port)];
    await relay.close();
    for (const member of members) await member.waitFor(is("Connection Lost"));
    const { relay: next } = await startRelay({ port });
    expect(next.port).toBe(port);
  });
});

describe("the log", () => {
  test("is the original's, without keys and texts", async () => {
    const { port, log, logged } = await startRelay();
    const ann = await joinOriginal(port);
    const bob = await joinOriginal(port);
    ann.send("a secret");
    await bob.waitFor(says("a secret"));
    ann.send("!exit");
    await logged(LEFT);
    const fingerprint = expect.stringMatching(
      /^Client Key: hidden, fingerprint ([0-9a-f]{4}-){3}[0-9a-f]{4}$/,
    );
    expect(log).toEqual([
      `Socket bound to 127.0.0.1 on port ${port}`,
      "Waiting for Clients...",
      "127.0.0.1 has connected",
      fingerprint,
      "127.0.0.1 has connected",
      fingerprint,
      "127.0.0.1 has disconnected",
    ]);
  });

  test("has them when it is asked to", async () => {
    const { port, log } = await startRelay({ showSecrets: true });
    const ann = await joinOriginal(port);
    const bob = await joinOriginal(port);
    ann.send("a secret");
    await bob.waitFor(says("a secret"));
    expect(log).toContain(`Client Key: ${Buffer.from(ann.key).toString("hex")}`);
    expect(log).toContainEqual(expect.stringMatching(/^127\.0\.0\.1 \[Raw\]: b['"]/));
    expect(log).toContain("127.0.0.1 [Decrypted]: a secret");
  });
});

describe("starting", () => {
  test("says at once when the port is taken, though the prime is still being searched for", async () => {
    const blocker = createServer().listen(0, "127.0.0.1");
    await once(blocker, "listening");
    onTestFinished(() => void blocker.close());
    const { port } = blocker.address() as { port: number };
    await expect(ClassicRelay.start({ port, group: new Promise(() => {}) })).rejects.toThrow(
      expect.objectContaining({ code: "address-unavailable" }),
    );
  });

  test("lets clients that come early wait for the prime", async () => {
    const group = Promise.withResolvers<typeof MODP14>();
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    const starting = startRelay({ port, group: group.promise });
    const early = connect({ host: "127.0.0.1", port });
    onTestFinished(() => void early.destroy());
    const hello = new SocketReader(early).recvAll(2064);
    await once(early, "connect");
    group.resolve(MODP14);
    await starting;
    expect(originalUnpack(await hello)).toMatchObject({ p, g: 2n });
  });

  test("fails as the search for the prime fails, and gives the port back", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    const group = Promise.reject(new Error("no prime"));
    await expect(ClassicRelay.start({ port, group })).rejects.toThrow("no prime");
    await startRelay({ port });
  });
});
