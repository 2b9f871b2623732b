import type { ServerPin } from "@parley/trust";
import {
  createServerIdentity,
  generateSigner,
  parseInviteLink,
  recoverServerIdentity,
  rotateServerIdentity,
  serverCode,
} from "@parley/trust";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../connection/clock.ts";
import type { ConnectionError } from "../connection/connection.ts";
import { deviceLogin } from "../connection/login.ts";
import { memoryPins } from "../connection/memory-pins.ts";
import type { ProvenConnection } from "../connection/relay-connection.ts";
import { connectRelay } from "../connection/relay-connection.ts";
import { startRelayLink } from "../connection/relay-link.ts";
import type { Introduction, ServerTrustOptions } from "../connection/server-trust.ts";
import { createServerTrustCheck, ServerRefusedError } from "../connection/server-trust.ts";
import { relayUrl } from "../connection/transport.ts";
import { makeTestCertificate } from "./test-certificate.ts";
import { startManInTheMiddle } from "./test-man-in-the-middle.ts";
import type { TestRelay, TestRelayOptions } from "./test-relay.ts";
import { startTestRelay } from "./test-relay.ts";
import { tlsTransport } from "./tls-transport.ts";

const ACCOUNT = new Uint8Array(32).fill(0xac);

async function relayWith(options: TestRelayOptions = {}): Promise<TestRelay> {
  const relay = await startTestRelay(options);
  onTestFinished(() => relay.close());
  return relay;
}

async function inTheMiddle(relay: TestRelay, certificate = makeTestCertificate()) {
  const mitm = await startManInTheMiddle(relay.port, certificate);
  onTestFinished(() => mitm[Symbol.asyncDispose]());
  return mitm;
}

/** Dials and hands back how it went; the device is one that the relay does not know. */
async function dial(port: number, trust: ServerTrustOptions): Promise<ConnectionError> {
  const { signer } = await generateSigner();
  return connectRelay({
    transport: tlsTransport,
    url: relayUrl(`127.0.0.1:${port}`),
    trust: createServerTrustCheck(trust),
    login: deviceLogin({ device: { account: ACCOUNT, device: 1 }, signer }),
    clock: systemClock,
    onDelivery: () => {},
  }).then(
    (connection: ProvenConnection) => {
      connection.close();
      throw new Error("let a stranger in");
    },
    (error: ConnectionError) => error,
  );
}

/** The relay was believed: it was asked, and refused the unknown device. */
function expectBelieved(error: ConnectionError): void {
  expect(error).toMatchObject({ code: "refused", cause: { code: "not-found" } });
}

async function pinOf(relay: TestRelay): Promise<ServerPin> {
  const pins = memoryPins();
  expectBelieved(
    await dial(relay.port, { pins, clock: systemClock, introduction: introducedBy(relay.invite()) }),
  );
  const [pin] = pins.all.values();
  return pin as ServerPin;
}

function introducedBy(link: string): Introduction {
  return { invite: parseInviteLink(link, Date.now()) };
}

function pinnedAt(port: number, pin: ServerPin) {
  return memoryPins({ [`127.0.0.1:${port}`]: pin });
}

test("believes the server of the invite, and says why", async () => {
  const relay = await relayWith();
  const pins = memoryPins();
  const trust = createServerTrustCheck({
    pins,
    clock: systemClock,
    introduction: introducedBy(relay.invite()),
  });
  let told: unknown;
  const spying: typeof trust = async (facts) => {
    told = await trust(facts);
    return told as Awaited<ReturnType<typeof trust>>;
  };
  const { signer } = await generateSigner();
  await connectRelay({
    transport: tlsTransport,
    url: relayUrl(relay.address),
    trust: spying,
    login: deviceLogin({ device: { account: ACCOUNT, device: 1 }, signer }),
    clock: systemClock,
    onDelivery: () => {},
  }).catch((error: ConnectionError) => expectBelieved(error));
  const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" }).format(Date.now());
  expect(told).toEqual({
    host: `127.0.0.1:${relay.port}`,
    why: `pinned by the invite of ${day}`,
    code: serverCode(relay.serverId),
  });
  expect([...pins.all.keys()]).toEqual([`127.0.0.1:${relay.port}`]);
});

test("believes the server whose 30 digits were typed, and no other", async () => {
  const relay = await relayWith();
  const typed = (text: string) =>
    dial(relay.port, { pins: memoryPins(), clock: systemClock, introduction: { typed: text } });
  expectBelieved(await typed(serverCode(relay.serverId).replaceAll(" ", "-")));
  const wrong = await typed(serverCode(new Uint8Array(32)));
  expect(wrong).toMatchObject({ code: "not-proven", verdict: { reason: "code-mismatch" } });
  expect(await typed("y")).toMatchObject({ code: "not-proven", verdict: { reason: "code-invalid" } });
});

test("does not believe a server that nothing speaks for, and says so in trust's words", async () => {
  const relay = await relayWith();
  const error = await dial(relay.port, { pins: memoryPins(), clock: systemClock });
  expect(error).toBeInstanceOf(ServerRefusedError);
  expect(error).toMatchObject({ code: "not-proven", verdict: { verdict: "not-met", reason: "no-evidence" } });
  expect((error as ServerRefusedError).text).toContain(
    `I cannot tell 127.0.0.1:${relay.port} from an impostor: the certificate is self-signed`,
  );
  expect(error.message).not.toContain("\n");
  expect(relay.requests).toEqual([]);
});

test("a man in the middle at first contact gets no byte after the upgrade", async () => {
  const relay = await relayWith();
  const mitm = await inTheMiddle(relay);
  const link = relay.invite();
  const error = await dial(mitm.port, {
    pins: memoryPins(),
    clock: systemClock,
    introduction: introducedBy(link),
  });
  expect(error).toMatchObject({ code: "not-proven", verdict: { reason: "statement-tls-mismatch" } });
  expect(error.message).toMatch(/^STOP\. .* not that this connection ends there/);
  expect(mitm.seen().toString("latin1")).toMatch(/^GET \/v1 HTTP\/1\.1\r\n/);
  expect(mitm.seenAfterUpgrade()).toHaveLength(0);
  expect(relay.requests).toEqual([]);
});

test("a man in the middle at later contact gets no byte after the upgrade, and the link stops", async () => {
  const relay = await relayWith();
  const pin = await pinOf(relay);
  relay.requests.length = 0;
  const mitm = await inTheMiddle(relay);
  const { signer } = await generateSigner();
  const link = startRelayLink({
    connect: (given) =>
      connectRelay({
        ...given,
        transport: tlsTransport,
        url: relayUrl(`127.0.0.1:${mitm.port}`),
        trust: createServerTrustCheck({
          pins: pinnedAt(mitm.port, pin),
          clock: systemClock,
          waiting: () => 3,
        }),
        login: deviceLogin({ device: { account: ACCOUNT, device: 1 }, signer }),
        clock: systemClock,
      }),
    clock: systemClock,
    random: Math.random,
    onConnected: () => {},
    onDelivery: () => {},
    onDisconnected: () => {},
  });
  await new Promise<void>((resolve) => {
    link.subscribe(() => {
      if (link.state().kind !== "connecting") resolve();
    });
  });
  expect(link.state()).toMatchObject({ kind: "stopped", exitCode: 10 });
  await link.close();
  expect(mitm.seenAfterUpgrade()).toHaveLength(0);
  expect(relay.requests).toEqual([]);
});

test("the man in the middle of these tests does see a login when his key is listed, as a proxy's is", async () => {
  const certificate = makeTestCertificate();
  const relay = await relayWith({ statedSpkiHashes: [certificate.spkiHash] });
  const proxy = await inTheMiddle(relay, certificate);
  const error = await dial(proxy.port, {
    pins: memoryPins(),
    clock: systemClock,
    introduction: introducedBy(relay.invite()),
  });
  expectBelieved(error);
  expect(proxy.seenAfterUpgrade().length).toBeGreaterThan(64);
});

test("a statement that does not list the key on the wire is not enough, first or later", async () => {
  const relay = await relayWith({ statedSpkiHashes: [new Uint8Array(32), new Uint8Array(32).fill(1)] });
  const unlisted = { code: "not-proven", verdict: { reason: "statement-tls-mismatch" } };
  const introduction = introducedBy(relay.invite());
  expect(await dial(relay.port, { pins: memoryPins(), clock: systemClock, introduction })).toMatchObject(
    unlisted,
  );
  const pin = await pinOf(await relayWith({ keys: relay.keys }));
  expect(await dial(relay.port, { pins: pinnedAt(relay.port, pin), clock: systemClock })).toMatchObject(
    unlisted,
  );
  expect(relay.requests).toEqual([]);
});

test("an impostor with a chain of its own is refused at first and later contact", async () => {
  const relay = await relayWith();
  const pin = await pinOf(relay);
  const impostor = await relayWith();
  const first = await dial(impostor.port, {
    pins: memoryPins(),
    clock: systemClock,
    introduction: introducedBy(relay.invite()),
  });
  expect(first).toMatchObject({ code: "not-proven", verdict: { reason: "invite-mismatch" } });

  const pins = pinnedAt(impostor.port, pin);
  const later = await dial(impostor.port, { pins, clock: systemClock, waiting: () => 3 });
  expect(later).toMatchObject({ code: "server-changed", verdict: { verdict: "changed" } });
  expect((later as ServerRefusedError).text).toContain("Nothing was sent; 3 messages wait");
  expect([...pins.all.values()]).toEqual([pin]);
  expect(impostor.requests).toEqual([]);
});

test("an impostor who replays the true chain and statement with his own TLS key is refused", async () => {
  const relay = await relayWith();
  const pin = await pinOf(relay);
  const replaying = await relayWith({ keys: relay.keys, statedSpkiHashes: [relay.certificate.spkiHash] });
  const error = await dial(replaying.port, { pins: pinnedAt(replaying.port, pin), clock: systemClock });
  expect(error).toMatchObject({ verdict: { reason: "statement-tls-mismatch" } });
  expect(replaying.requests).toEqual([]);
});

test("follows a rotated key, and refuses the chain before it afterwards", async () => {
  const before = await relayWith();
  const pin = await pinOf(before);
  const rotated = await rotateServerIdentity({ ...before.keys, nowMs: Date.now() });
  const after = await relayWith({ keys: rotated });
  const pins = pinnedAt(after.port, pin);
  expectBelieved(await dial(after.port, { pins, clock: systemClock }));
  const [newPin] = pins.all.values();
  expect(newPin?.length).toBe(2);

  const rolledBack = await dial(before.port, {
    pins: pinnedAt(before.port, newPin as ServerPin),
    clock: systemClock,
  });
  expect(rolledBack).toMatchObject({ code: "server-rolled-back" });
});

test("two histories of one server are a fork", async () => {
  const keys = await createServerIdentity({ hostNames: ["127.0.0.1"], nowMs: Date.now() });
  const one = await relayWith({ keys: await rotateServerIdentity({ ...keys, nowMs: Date.now() }) });
  const other = await relayWith({ keys: await rotateServerIdentity({ ...keys, nowMs: Date.now() }) });
  const error = await dial(other.port, { pins: pinnedAt(other.port, await pinOf(one)), clock: systemClock });
  expect(error).toMatchObject({ code: "server-rolled-back", verdict: { reason: "server-forked" } });
});

test("follows a recovery by the operator's words", async () => {
  const keys = await createServerIdentity({ hostNames: ["127.0.0.1"], nowMs: Date.now() });
  const pin = await pinOf(await relayWith({ keys }));
  const recovered = await relayWith({
    keys: await recoverServerIdentity({ chain: keys.chain, recovery: keys.recovery, nowMs: Date.now() }),
  });
  expectBelieved(await dial(recovered.port, { pins: pinnedAt(recovered.port, pin), clock: systemClock }));
});

test("reports a grown restore generation before it is remembered, and refuses a smaller one", async () => {
  const relay = await relayWith({ generation: 5 });
  const pin = await pinOf(relay);
  const restored = await relayWith({ keys: relay.keys, generation: 6 });
  const pins = pinnedAt(restored.port, pin);
  const grew: (readonly [number, number | undefined])[] = [];
  const onGenerationGrew = (generation: number) => {
    grew.push([generation, [...pins.all.values()][0]?.generation]);
  };
  expectBelieved(await dial(restored.port, { pins, clock: systemClock, onGenerationGrew }));
  expectBelieved(await dial(restored.port, { pins, clock: systemClock, onGenerationGrew }));
  expect(grew).toEqual([[6, 5]]);

  const [newPin] = pins.all.values();
  const older = await dial(relay.port, {
    pins: pinnedAt(relay.port, newPin as ServerPin),
    clock: systemClock,
  });
  expect(older).toMatchObject({ code: "server-rolled-back" });
  expect(relay.requests).toHaveLength(1);
});

test("a hello that contradicts its signed statement is no relay's", async () => {
  const relay = await relayWith({ generation: 5, saidGeneration: 6 });
  const pins = memoryPins();
  const error = await dial(relay.port, {
    pins,
    clock: systemClock,
    introduction: introducedBy(relay.invite()),
  });
  expect(error.code).toBe("not-a-relay");
  expect([pins.all.size, relay.requests.length]).toEqual([0, 0]);
});

test("a server that is not believed because of the time of day is worth another try", async () => {
  const over = await relayWith({ statementLifeMs: -60_000 });
  const error = await dial(over.port, {
    pins: memoryPins(),
    clock: systemClock,
    introduction: introducedBy(over.invite()),
  });
  expect(error).toMatchObject({
    code: "not-proven",
    verdict: { reason: "statement-expired" },
    retryable: true,
  });
});

test("a server that does not go by the dialled host is not believed", async () => {
  const relay = await relayWith({ statedHosts: ["chat.example.org"] });
  const introduction = introducedBy(relay.invite());
  const error = await dial(relay.port, { pins: memoryPins(), clock: systemClock, introduction });
  expect(error).toMatchObject({
    code: "not-proven",
    verdict: { reason: "statement-host-mismatch" },
    retryable: false,
  });
});
