import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { LIMITS } from "@parley/protocol";
import { expect, onTestFinished, test } from "vitest";
import type { ConnectionError } from "../connection/connection.ts";
import type { Channel } from "../connection/transport.ts";
import { relayUrl } from "../connection/transport.ts";
import { makeTestCertificate } from "./test-certificate.ts";
import { quiet } from "./test-quiet.ts";
import type { TestRelayOptions } from "./test-relay.ts";
import { startTestRelay } from "./test-relay.ts";
import { tlsTransport } from "./tls-transport.ts";

async function open(address: string, signal = new AbortController().signal) {
  const messages: Uint8Array[] = [];
  const ended = Promise.withResolvers<ConnectionError>();
  const first = Promise.withResolvers<void>();
  const channel = await tlsTransport.open(
    relayUrl(address),
    {
      onMessage(bytes) {
        messages.push(bytes);
        first.resolve();
      },
      onEnd: ended.resolve,
    },
    signal,
  );
  return { channel, messages, ended: ended.promise, first: first.promise };
}

async function opened(options: TestRelayOptions = {}) {
  const relay = await startTestRelay(options);
  onTestFinished(() => relay.close());
  return { relay, ...(await open(relay.address)) };
}

async function rawServer(onConnection: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(onConnection as (socket: import("node:net").Socket) => void);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("shows the hash of the key on the wire, and the exporter that the relay sees too", async () => {
  const { relay, channel, messages, first } = await opened();
  await first;
  expect(channel.tlsSpkiHash).toEqual(relay.certificate.spkiHash);
  expect(channel.tlsExporter).toHaveLength(32);
  expect(channel.tlsCertified).toBe(false);
  expect(messages).toHaveLength(1);
  expect(messages[0]?.constructor).toBe(Uint8Array);
  channel.close();
});

test("sends a server name for a name, and none for an address", async () => {
  const { relay, channel } = await opened();
  channel.close();
  const named = await open(`localhost:${relay.port}`);
  named.channel.close();
  expect(relay.serverNames).toEqual([false, "localhost"]);
});

test("dials IPv6 addresses", async () => {
  const { channel, first } = await opened({ host: "::1" });
  await first;
  channel.close();
});

test("opens a plain channel to this machine, which shows no key", async () => {
  const { channel, first } = await opened({ plain: true });
  await first;
  expect([channel.tlsSpkiHash, channel.tlsExporter, channel.tlsCertified]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  channel.close();
});

test("never dials another machine without TLS", async () => {
  const events = { onMessage: () => {}, onEnd: () => {} };
  const opening = tlsTransport.open(new URL("ws://192.0.2.1/v1"), events, new AbortController().signal);
  await expect(opening).rejects.toMatchObject({
    code: "unreachable",
    message: expect.stringContaining("this machine only"),
  });
});

test("tells the end once, by whom it was", async () => {
  const byUs = await opened();
  byUs.channel.close();
  expect((await byUs.ended).code).toBe("closed");

  const atOnce = await opened();
  atOnce.channel.close(true);
  expect((await atOnce.ended).code).toBe("closed");

  const byRelay = await opened();
  byRelay.relay.socket?.close();
  expect((await byRelay.ended).code).toBe("lost");

  const broken = await opened();
  broken.relay.socket?.terminate();
  expect((await broken.ended).code).toBe("lost");
});

test("what was sent before a polite close arrives", async () => {
  const { relay, channel, ended } = await opened();
  relay.socket?.removeAllListeners("message");
  const received = once(relay.socket as NonNullable<typeof relay.socket>, "message");
  channel.send(new Uint8Array([1, 2, 3]));
  channel.close();
  expect([...((await received)[0] as Buffer)]).toEqual([1, 2, 3]);
  await ended;
});

test("does not read while it is paused", async () => {
  const { relay, channel, messages, first } = await opened();
  await first;
  channel.pause();
  for (let i = 0; i < 64; i++) relay.socket?.send(new Uint8Array(1024 * 1024));
  relay.socket?.ping();
  await quiet(() => relay.socket?.bufferedAmount);
  expect(messages.length).toBeLessThan(10);
  expect(relay.socket?.bufferedAmount).toBeGreaterThan(1024 * 1024);
  const all = new Promise<void>((resolve) => {
    relay.socket?.once("pong", () => resolve());
  });
  channel.resume();
  await all;
  expect(messages).toHaveLength(65);
  channel.close();
});

test.each([
  ["text", "text"],
  ["a message above the limit", new Uint8Array(LIMITS.frameBytes + 1)],
])("takes %s for no relay's", async (_, message) => {
  const { relay, ended } = await opened();
  relay.socket?.send(message);
  expect((await ended).code).toBe("not-a-relay");
});

test.each([
  [200, "not-a-relay"],
  [302, "not-a-relay"],
  [404, "not-a-relay"],
  [429, "unreachable"],
  [502, "unreachable"],
  [503, "unreachable"],
])("tells an upgrade that is answered with HTTP %i as %s", async (status, code) => {
  const server = await rawServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () =>
      socket.end(`HTTP/1.1 ${status} No\r\nlocation: /\r\ncontent-length: 0\r\n\r\n`),
    );
  });
  await expect(open(`ws://${server}`)).rejects.toMatchObject({ code });
});

test("tells a port where nothing listens from a web server and from one that speaks no TLS 1.3", async () => {
  const relay = await startTestRelay();
  const { address } = relay;
  await relay.close();
  await expect(open(address)).rejects.toMatchObject({
    code: "unreachable",
    message: `${address} cannot be reached: nothing listens there`,
  });

  const talkative = await rawServer((socket) => {
    socket.on("error", () => {});
    socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  });
  await expect(open(talkative)).rejects.toMatchObject({ code: "unreachable" });
  await expect(open(`ws://${talkative}`)).rejects.toMatchObject({ code: "not-a-relay" });

  const mute = await rawServer((socket) => socket.destroy());
  await expect(open(mute)).rejects.toMatchObject({ code: "unreachable" });

  const old = createTlsServer({ ...makeTestCertificate(), minVersion: "TLSv1.2", maxVersion: "TLSv1.2" });
  old.on("tlsClientError", () => {});
  old.listen(0, "127.0.0.1");
  await once(old, "listening");
  onTestFinished(() => {
    old.close();
  });
  const oldAddress = `127.0.0.1:${(old.address() as AddressInfo).port}`;
  await expect(open(oldAddress)).rejects.toMatchObject({
    code: "unreachable",
    message: `${oldAddress} cannot be reached: TLS failed`,
  });
});

test("gives up dialling when it is told to", async () => {
  const silent = await rawServer((socket) => socket.on("error", () => {}));
  const giveUp = new AbortController();
  const opening = open(silent, giveUp.signal);
  giveUp.abort();
  await expect(opening).rejects.toMatchObject({ code: "closed" });
  await expect(open(silent, giveUp.signal)).rejects.toMatchObject({ code: "closed" });
});

test("sends nothing of its own after the upgrade", async () => {
  const { relay, channel, first } = await opened();
  let received = 0;
  relay.socket?.on("message", () => received++);
  await first;
  expect(received).toBe(0);
  (channel satisfies Channel).close();
});
