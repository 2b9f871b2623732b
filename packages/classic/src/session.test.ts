import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { MODP14 } from "./group.ts";
import { HONESTY } from "./honesty.ts";
import { ClassicRelay } from "./relay.ts";
import { ClassicSession } from "./session.ts";
import { patientClock } from "./testing/hand-clock.ts";
import { OriginalServer } from "./testing/original-server.ts";

const now = () => new Date(2026, 0, 1, 23, 59);

/** A session, its chat lines without the times, and a way to wait for one. */
function makeSession(port: number, options: { readonly showSecrets?: boolean } = {}) {
  const session = new ClassicSession({ host: "127.0.0.1", port, now, clock: patientClock, ...options });
  onTestFinished(() => session.close());
  const lines = () => session.transcript.lines.map(({ text }) => text.replace("[23:59] ", ""));
  const shows = (line: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (lines().includes(line)) resolve();
      };
      session.transcript.subscribe(look);
      look();
    });
  return { session, lines, shows };
}

async function startRelay(): Promise<ClassicRelay> {
  const relay = await ClassicRelay.start({ port: 0, group: MODP14, clock: patientClock });
  onTestFinished(() => relay.close());
  return relay;
}

/** A server that accepts and says nothing; `cut` ends what it has. */
async function startMute() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, cut: async () => (await accepted)[0].destroy() };
}

const OPENING = ["Welcome to SecureChat!", HONESTY, "Connecting to 127.0.0.1..."];
const UNDER_WAY = [...OPENING, "Connected!", "Establishing Encryption Key..."];

test("the status lines come in the original's order, each with the local time", async () => {
  const { port } = await startRelay();
  const { session, lines } = makeSession(port);
  expect(await session.start()).toBe("established");
  expect(lines()).toEqual([
    ...UNDER_WAY,
    expect.stringMatching(/^Encryption Key: hidden, fingerprint [0-9a-f-]{19}$/),
  ]);
  expect(session.transcript.lines.slice(2).every(({ text }) => text.startsWith("[23:59] "))).toBe(true);
});

test("the key is shown only when that is asked for", async () => {
  const { port } = await startRelay();
  const { session, lines } = makeSession(port, { showSecrets: true });
  await session.start();
  expect(lines().at(-1)).toMatch(/^Encryption Key: [0-9a-f]{64}$/);
});

test("an original server's parameters are warned of before the key", async () => {
  await using server = await OriginalServer.start((0x010100n << 2048n) | MODP14.p, 258n);
  const { session, lines } = makeSession(server.port);
  await session.start();
  expect(lines().at(-2)).toMatch(/^Warning: the server's modulus has 2065 bits and is not prime/);
});

describe("typing", () => {
  test("is echoed, sent, and answered by others' lines", async () => {
    const { port } = await startRelay();
    const ann = makeSession(port);
    const bob = makeSession(port);
    await ann.session.start();
    await bob.session.start();
    ann.session.submit("hello");
    ann.session.submit("   ");
    await bob.shows("127.0.0.1: hello");
    await ann.shows("127.0.0.1 has joined");
    expect(ann.lines().filter((line) => line.startsWith("You:"))).toEqual(["You: hello"]);
  });

  test("before the key is an error, after the echo", async () => {
    const { port } = await startMute();
    const { session, lines, shows } = makeSession(port);
    const starting = session.start();
    await shows("Establishing Encryption Key...");
    session.submit("hello?");
    expect(lines().slice(-2)).toEqual(["You: hello?", "Error: Key Not Established"]);
    await session.leave();
    expect(await starting).toBe("left");
  });

  test("!exit is acknowledged, then the connection is lost, then typing is an error without an echo", async () => {
    const { port } = await startRelay();
    const { session, lines } = makeSession(port);
    await session.start();
    session.submit("!exit");
    await session.ended;
    session.submit("anybody?");
    expect(lines().slice(-4)).toEqual([
      "You: !exit",
      "Acknowledged",
      "Connection Lost",
      "Error: Not Connected to Server",
    ]);
  });
});

describe("what goes wrong", () => {
  test("at once is told by the outcome: nobody listens, no such host", async () => {
    const { port } = await startMute();
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const closedPort = (closed.address() as AddressInfo).port;
    await new Promise((resolve) => closed.close(resolve));
    expect(await makeSession(closedPort).session.start()).toBe("refused");
    const nowhere = new ClassicSession({ host: "256.0.0.1", port, now });
    expect(await nowhere.start()).toBe("failed");
  });

  test("before the key leaves the window open, and says why", async () => {
    const { port, cut } = await startMute();
    const { session, lines } = makeSession(port);
    const starting = session.start();
    await cut();
    expect(await starting).toBe("unable");
    expect(lines()).toEqual([
      ...UNDER_WAY,
      "Unable to Connect",
      "The server ended the connection before the key exchange.",
    ]);
    session.submit("hello?");
    expect(lines().at(-1)).toBe("Error: Key Not Established");
  });

  test("later is a lost connection", async () => {
    const relay = await startRelay();
    const { session, lines } = makeSession(relay.port);
    await session.start();
    await relay.close();
    await session.ended;
    expect(lines().at(-1)).toBe("Connection Lost");
    await session.leave();
  });
});
