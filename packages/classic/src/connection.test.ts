import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ConnectionOptions } from "./connection.ts";
import { ClassicConnection } from "./connection.ts";
import { MODP14 } from "./group.ts";
import { HandClock, patientClock } from "./testing/hand-clock.ts";
import { ListeningClient } from "./testing/listening-client.ts";
import { OriginalClient } from "./testing/original-client.ts";
import {
  originalEncrypt,
  originalHello,
  originalNumber,
  originalPow,
  originalPrivateKey,
  originalSharedKey,
} from "./testing/original-message.ts";
import { OriginalServer } from "./testing/original-server.ts";
import { SocketReader } from "./testing/socket-reader.ts";

const { p, g } = MODP14;
const WIRE_P = (0x010100n << 2048n) | p;
const WIRE_G = 258n;
const is = (wanted: string) => (line: string) => line === wanted;

/** A server of which the test is in charge of every byte. */
async function listen(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    serve(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A server that sends this HELLO and then runs `talk` with the key and a reader behind the client's answer. */
function listenAndGreet(talk: (key: Uint8Array, socket: Socket, reader: SocketReader) => unknown) {
  return listen(async (socket) => {
    const reader = new SocketReader(socket);
    const privateKey = originalPrivateKey();
    socket.write(originalHello(p, g, originalPow(g, privateKey, p)));
    const answer = await reader.recvAll(1024);
    if (answer.length === 1024) {
      await talk(originalSharedKey(originalNumber(answer), privateKey, p), socket, reader);
    }
  });
}

async function open(port: number, options: Partial<ConnectionOptions> = {}): Promise<ClassicConnection> {
  const connection = await ClassicConnection.open({ host: "127.0.0.1", port, onText: () => {}, ...options });
  onTestFinished(() => connection.close());
  return connection;
}

const failsWith = (code: string) => expect.objectContaining({ code });

async function startOriginal(): Promise<OriginalServer> {
  const server = await OriginalServer.start(WIRE_P, WIRE_G);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

describe("parameters and keys", () => {
  test("of an original server are taken, with a warning that says why", async () => {
    const connection = await open((await startOriginal()).port);
    expect(connection.warnings).toEqual([
      expect.stringMatching(/2065 bits and is not prime.*original server.*sends 258/s),
    ]);
  });

  test("of a sound server are taken without a word", async () => {
    const port = await listenAndGreet(() => {});
    expect((await open(port)).warnings).toEqual([]);
  });

  test.each([
    ["modulus is 23", 23n, 2n, 8n, "degenerate-group"],
    ["modulus is 0", 0n, 2n, 8n, "degenerate-group"],
    ["modulus is even", p + 1n, 2n, 8n, "degenerate-group"],
    ["modulus is composite", p - 2n, 2n, 8n, "degenerate-group"],
    ["generator is 1", p, 1n, 8n, "degenerate-group"],
    ["generator is 0", p, 0n, 8n, "degenerate-group"],
    ["public key is 0", p, 2n, 0n, "weak-public-key"],
    ["public key is 1", p, 2n, 1n, "weak-public-key"],
    ["public key is p − 1", p, 2n, p - 1n, "weak-public-key"],
    ["public key is p", p, 2n, p, "weak-public-key"],
    ["public key is p − 1 of an original's modulus", WIRE_P, 258n, WIRE_P - 1n, "weak-public-key"],
  ])("whose %s are refused without an answer", async (_name, modulus, generator, publicKey, code) => {
    const answered = Promise.withResolvers<number>();
    const port = await listen(async (socket) => {
      socket.write(originalHello(modulus, generator, publicKey));
      answered.resolve((await new SocketReader(socket).recvAll(1024)).length);
    });
    await expect(open(port)).rejects.toThrow(failsWith(code));
    expect(await answered.promise).toBe(0);
  });
});

describe("the key exchange", () => {
  test("waits for all of a HELLO that comes in pieces", async () => {
    const port = await listen(async (socket) => {
      const hello = originalHello(p, g, 12345n);
      socket.write(hello.subarray(0, 1448));
      await new Promise(setImmediate);
      socket.write(hello.subarray(1448));
    });
    await open(port);
  });

  test("hands on what arrives right behind it once it is over", async () => {
    const port = await listenAndGreet((key, socket) => socket.write(originalEncrypt(key, "at once")));
    await using client = await ListeningClient.join(port);
    await client.waitFor(is("at once"));
  });

  test("fails when the server ends it", async () => {
    const port = await listen((socket) => socket.end(Buffer.alloc(100)));
    await expect(open(port)).rejects.toThrow(failsWith("handshake-ended"));
  });

  test("fails when the server says nothing for thirty seconds", async () => {
    const clock = new HandClock();
    const port = await listen((socket) => socket.write(Buffer.alloc(100)));
    const connected = Promise.withResolvers<void>();
    const opening = open(port, { clock, progress: { connected: connected.resolve } });
    await connected.promise;
    clock.turn(30_000);
    await expect(opening).rejects.toThrow(failsWith("handshake-timeout"));
  });

  test("is given up when that is wanted", async () => {
    const stop = new AbortController();
    const port = await listen(() => {});
    const opening = open(port, { signal: stop.signal, progress: { connected: () => stop.abort() } });
    await expect(opening).rejects.toThrow(failsWith("handshake-ended"));
  });

  test("does not begin where nobody listens", async () => {
    const port = await listen(() => {});
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const closedPort = (server.address() as AddressInfo).port;
    await new Promise((resolve) => server.close(resolve));
    expect(closedPort).not.toBe(port);
    await expect(open(closedPort)).rejects.toThrow(failsWith("connection-refused"));
    await expect(open(port, { host: "256.0.0.1" })).rejects.toThrow(failsWith("connection-failed"));
  });
});

describe("sending", () => {
  test.each([
    ["beyond ASCII", `${"grün € ".repeat(300)}end`],
    ["in ASCII", `${"nothing but ".repeat(250)}end`],
  ])(
    "to an original server splits what its relay could not carry, and nothing is lost, %s",
    async (_, text) => {
      const server = await startOriginal();
      await using ann = await ListeningClient.join(server.port);
      using bob = await OriginalClient.join(server.port);
      ann.send(text);
      await bob.waitFor((line) => /end\u00a0*$/.test(line));
      const pieces = bob.lines.filter((line) => line.startsWith("127.0.0.1: "));
      expect(pieces.length).toBeGreaterThan(3);
      expect(pieces.map((line) => line.slice("127.0.0.1: ".length).replace(/\u00a0+$/, "")).join("")).toBe(
        text,
      );
      expect(server.faults).toEqual([]);
    },
  );

  test("waits until an original server has had time to compute its key", async () => {
    const clock = new HandClock();
    const arrived = Promise.withResolvers<void>();
    let arrivedMs = Number.POSITIVE_INFINITY;
    const port = await listen(async (socket) => {
      const reader = new SocketReader(socket);
      socket.write(originalHello(WIRE_P, WIRE_G, 12345n));
      await reader.recvAll(1024);
      await reader.recv(1024);
      arrivedMs = clock.nowMs();
      arrived.resolve();
    });
    const connection = await open(port, { clock });
    connection.send("early");
    while (arrivedMs === Number.POSITIVE_INFINITY) {
      clock.turn(100);
      await Promise.race([
        arrived.promise,
        new Promise((resolve) => setImmediate(() => setImmediate(resolve))),
      ]);
    }
    expect(arrivedMs).toBeGreaterThanOrEqual(500);
  });

  test("leaves out blank texts and makes control characters harmless", async () => {
    const server = await startOriginal();
    await using ann = await ListeningClient.join(server.port);
    for (const text of ["", "   ", "\n", "tab\there", "!exit"]) ann.send(text);
    await ann.waitFor(is("Acknowledged"));
    expect(server.lines.filter((line) => line.includes("[Decrypted]"))).toEqual([
      "127.0.0.1 [Decrypted]: tab here",
      "127.0.0.1 [Decrypted]: !exit",
    ]);
  });
});

describe("receiving", () => {
  test("shows two packets of one read as two texts", async () => {
    const port = await listenAndGreet((key, socket) =>
      socket.write(Buffer.concat([originalEncrypt(key, "one"), originalEncrypt(key, "two")])),
    );
    await using client = await ListeningClient.join(port);
    await client.waitFor(is("two"));
    expect(client.lines).toEqual(["one", "two"]);
  });

  test("shows no control character, NUL or forged line", async () => {
    const port = await listenAndGreet((key, socket) =>
      socket.write(originalEncrypt(key, "a\u0000b\u001b[2Jc\n[12:34] forged")),
    );
    await using client = await ListeningClient.join(port);
    await client.waitFor(is("a\ufffdb\ufffd[2Jc [12:34] forged"));
  });

  test("ends the connection over what cannot be read", async () => {
    const port = await listenAndGreet((_key, socket) => socket.write(Buffer.alloc(48, 7)));
    await using client = await ListeningClient.join(port);
    expect(await client.closed).toMatchObject({ code: "malformed-stream" });
  });
});

describe("leaving", () => {
  test("says !exit and waits for the server to end it", async () => {
    const server = await startOriginal();
    await using ann = await ListeningClient.join(server.port);
    await ann.connection.leave();
    expect(ann.lines).toEqual(["Acknowledged"]);
    expect(server.lines.at(-1)).toBe("127.0.0.1 has disconnected");
  });

  test("does not wait for a server that never answers", async () => {
    const hand = new HandClock();
    const port = await listenAndGreet(() => {});
    // Packets go out by themselves; patience is turned by hand.
    const connection = await open(port, {
      clock: {
        nowMs: () => patientClock.nowMs(),
        after: (delayMs, action) => (delayMs < 1_000 ? patientClock : hand).after(delayMs, action),
      },
    });
    const left = connection.leave();
    hand.turn(2_100);
    await left;
  });
});
