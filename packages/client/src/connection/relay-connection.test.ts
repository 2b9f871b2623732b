import type { ServerFrame } from "@parley/protocol";
import { encode, ProtocolError, serverFrame } from "@parley/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Delivery } from "./connection.ts";
import { ConnectionError } from "./connection.ts";
import { FULL_BYTES } from "./delivery-queue.ts";
import { HandTurnedClock, settled } from "./hand-turned-clock.ts";
import { ANSWER_MS, SILENCE_MS } from "./heartbeat.ts";
import type { ConnectOptions } from "./relay-connection.ts";
import { connectRelay, STEP_TIMEOUT_MS } from "./relay-connection.ts";
import {
  DEVICE,
  EXPORTER,
  entryFrame,
  HELLO,
  ROOM,
  ScriptedTransport,
  SESSION,
  SPKI_HASH,
} from "./scripted-relay.ts";
import { relayUrl } from "./transport.ts";

const SERVER = { host: "chat.example.org", why: "pinned", code: "" };
const AUTHENTICATE = { kind: "authenticate", device: DEVICE, signature: new Uint8Array(64) } as const;
const LARGE_BYTES = 64 * 1024;

function setUp({ silent = false, ...given }: Partial<ConnectOptions> & { readonly silent?: boolean } = {}) {
  const clock = new HandTurnedClock();
  const transport = new ScriptedTransport();
  if (silent) transport.failures.push("silence");
  const connecting = connectRelay({
    transport,
    url: relayUrl("chat.example.org"),
    trust: async () => SERVER,
    login: async () => AUTHENTICATE,
    clock,
    onDelivery: () => {},
    ...given,
  });
  const failure = connecting.then(
    () => {
      throw new Error("connected");
    },
    (error: unknown) => error as ConnectionError,
  );
  failure.catch(() => {});
  return { clock, transport, connecting, failure };
}

async function connected(given: Partial<ConnectOptions> = {}) {
  const { clock, transport, connecting } = setUp(given);
  const relay = await transport.relay(0);
  await relay.welcome();
  return { clock, relay, connection: await connecting };
}

test("judges the server by its hello and its key on the wire, logs in, and hands over the session", async () => {
  let judged: unknown;
  let bound: unknown;
  const { relay, connection } = await connected({
    trust: async (facts) => {
      judged = facts;
      return SERVER;
    },
    login: async (context) => {
      bound = context;
      return AUTHENTICATE;
    },
  });
  expect(judged).toMatchObject({ hello: HELLO, tlsSpkiHash: SPKI_HASH, tlsCertified: false });
  expect(bound).toEqual({
    helloBytes: encode(serverFrame, { kind: "hello", ...HELLO }),
    tlsExporter: EXPORTER,
  });
  expect(relay.got.map((frame) => frame.request.kind)).toEqual(["authenticate"]);
  expect(connection.session).toEqual(SESSION);
  expect(connection.server).toBe(SERVER);
});

test("sends nothing to a server that is not believed, and hangs up at once", async () => {
  const changed = new ConnectionError("server-changed", "STOP");
  const { transport, failure } = setUp({ trust: () => Promise.reject(changed) });
  const relay = await transport.relay(0);
  relay.say({ kind: "hello", ...HELLO });
  expect(await failure).toBe(changed);
  expect(relay.got).toEqual([]);
  expect(relay.closedByClient).toBe("at once");
});

test.each([
  ["the channel", "unreachable"],
  ["the hello", "not-a-relay"],
  ["the session", "lost"],
] as const)("gives up when %s does not come in time", async (step, code) => {
  const { clock, transport, failure } = setUp({ silent: step === "the channel" });
  if (step === "the session") (await transport.relay(0)).say({ kind: "hello", ...HELLO });
  await clock.turn(STEP_TIMEOUT_MS - 1);
  expect(clock.timers).toBe(1);
  await clock.turn(1);
  expect((await failure).code).toBe(code);
  expect(clock.timers).toBe(0);
});

test("can be given up while it dials and after it stands", async () => {
  const early = new AbortController();
  const dialling = setUp({ signal: early.signal });
  early.abort();
  expect((await dialling.failure).code).toBe("closed");

  const late = new AbortController();
  const { connection, relay } = await connected({ signal: late.signal });
  late.abort();
  expect((await connection.ended).code).toBe("closed");
  expect(relay.closedByClient).toBe("politely");
});

test.each([
  ["unauthenticated", "refused"],
  ["name-taken", "refused"],
  ["malformed", "not-a-relay"],
  ["rate-limited", "lost"],
  ["shutting-down", "lost"],
  ["storage-unavailable", "lost"],
] as const)(
  "tells a login answered with %s as %s, and keeps the relay's error as cause",
  async (code, told) => {
    const { transport, failure } = setUp();
    const relay = await transport.relay(0);
    relay.say({ kind: "hello", ...HELLO });
    relay.refuse((await relay.request(0)).id, code, 1234);
    if (code === "unauthenticated") relay.refuse((await relay.request(1)).id, code, 1234);
    const error = await failure;
    expect(error.code).toBe(told);
    expect(error.cause).toBeInstanceOf(ProtocolError);
    expect((error.cause as ProtocolError).data.retryAfterMs).toBe(1234);
  },
);

test("offers a proof without the exporter to a relay behind a proxy, once, when it takes none with it", async () => {
  const exporters: (Uint8Array | undefined)[] = [];
  const { transport, connecting } = setUp({
    login: async ({ tlsExporter }) => {
      exporters.push(tlsExporter);
      return AUTHENTICATE;
    },
  });
  const relay = await transport.relay(0);
  relay.say({ kind: "hello", ...HELLO });
  relay.refuse((await relay.request(0)).id, "unauthenticated");
  relay.answer((await relay.request(1)).id, SESSION);
  await connecting;
  expect(exporters).toEqual([EXPORTER, undefined]);
});

test("does not take a session for another device than the one that logged in", async () => {
  const { transport, failure } = setUp();
  const relay = await transport.relay(0);
  relay.say({ kind: "hello", ...HELLO });
  relay.answer((await relay.request(0)).id, {
    ...SESSION,
    device: { ...DEVICE, device: 2 },
  } as typeof SESSION);
  expect((await failure).code).toBe("not-a-relay");
});

test("keeps requests apart when answers come in another order", async () => {
  const { relay, connection } = await connected();
  const first = connection.request({ kind: "list-rooms" }, "rooms");
  const second = connection.request(
    { kind: "put-key-packages", packages: [], lastResort: undefined },
    "stock",
  );
  const third = connection.request({ kind: "create-room", room: ROOM }, "done");
  const ids = [await relay.request(1), await relay.request(2), await relay.request(3)].map(
    (frame) => frame.id,
  );
  expect(new Set(ids).size).toBe(3);
  relay.answer(ids[1] as number, { kind: "stock", stock: 9 });
  relay.refuse(ids[2] as number, "already-exists");
  relay.answer(ids[0] as number, { kind: "rooms", rooms: [] });
  expect(await second).toEqual({ kind: "stock", stock: 9 });
  expect(await first).toEqual({ kind: "rooms", rooms: [] });
  await expect(third).rejects.toMatchObject({ name: "ProtocolError", code: "already-exists" });
});

test("fails every request in flight as lost when the connection dies, and every later one", async () => {
  const { relay, connection, clock } = await connected();
  const inFlight = [
    connection.request({ kind: "ping" }, "done"),
    connection.request({ kind: "list-rooms" }, "rooms"),
  ];
  await relay.request(2);
  relay.hangUp();
  for (const request of inFlight) await expect(request).rejects.toMatchObject({ code: "lost" });
  expect((await connection.ended).code).toBe("lost");
  await expect(connection.request({ kind: "ping" }, "done")).rejects.toMatchObject({ code: "lost" });
  expect(clock.timers).toBe(0);
});

test("refuses to send a frame above the limit, and lives on", async () => {
  const { relay, connection } = await connected();
  const tooLarge = connection.request(
    {
      kind: "commit",
      room: ROOM,
      clientId: new Uint8Array(16),
      epoch: 0,
      replaces: 0,
      message: new Uint8Array(1),
      added: [],
      removed: [],
      ratchetTree: new Uint8Array(3 * 1024 * 1024),
      groupInfo: new Uint8Array(3 * 1024 * 1024),
    },
    "appended",
  );
  await expect(tooLarge).rejects.toMatchObject({ name: "ProtocolError", code: "too-large" });
  const ping = connection.request({ kind: "ping" }, "done");
  relay.answer((await relay.request(1)).id, { kind: "done" });
  await expect(ping).resolves.toEqual({ kind: "done" });
});

test("gives deliveries one at a time, in order, each after the one before has settled", async () => {
  const given: number[] = [];
  const settle: (() => void)[] = [];
  const { relay } = await connected({
    onDelivery: (delivery) => {
      given.push((delivery as Extract<Delivery, { kind: "entry" }>).entry.seq);
      return new Promise((resolve) => {
        settle.push(resolve);
      });
    },
  });
  for (const seq of [1, 2, 3]) relay.say(entryFrame(seq));
  await settled();
  expect(given).toEqual([1]);
  settle[0]?.();
  await settled();
  expect(given).toEqual([1, 2]);
  settle[1]?.();
  await settled();
  expect(given).toEqual([1, 2, 3]);
});

test("stops reading when too much waits, reads on when half of it is done, and loses nothing", async () => {
  const given: Delivery[] = [];
  const gate = Promise.withResolvers<void>();
  const { relay } = await connected({
    onDelivery: async (delivery) => {
      given.push(delivery);
      await gate.promise;
    },
  });
  const total = (3 * FULL_BYTES) / LARGE_BYTES;
  for (let seq = 1; seq <= total; seq++) relay.say(entryFrame(seq, LARGE_BYTES));
  expect(relay.paused).toBe(true);
  await settled();
  expect(given).toHaveLength(1);
  gate.resolve();
  await settled();
  expect(relay.paused).toBe(false);
  const seqs = given.map((delivery) => (delivery as Extract<Delivery, { kind: "entry" }>).entry.seq);
  expect(seqs).toEqual(Array.from({ length: total }, (_, index) => index + 1));
});

test("reads on, however much waits, while a request waits for its answer", async () => {
  const given: string[] = [];
  const { relay, connection } = await connected({
    onDelivery: async (delivery) => {
      given.push(delivery.kind);
      if (delivery.kind === "lagging") await connection.request({ kind: "list-rooms" }, "rooms");
    },
  });
  relay.say({ kind: "lagging" });
  const { id } = await relay.request(1);
  for (let bytes = 0; bytes < 1.5 * FULL_BYTES; bytes += LARGE_BYTES) relay.say(entryFrame(1, LARGE_BYTES));
  expect(relay.paused).toBe(false);
  relay.answer(id, { kind: "rooms", rooms: [] });
  expect(relay.paused).toBe(true);
  await settled();
  expect(given.length).toBeGreaterThan(100);
  expect(relay.paused).toBe(false);
});

test("ends a connection whose relay never answers but sends without end", async () => {
  const { relay, connection } = await connected({
    onDelivery: async () => {
      await connection.request({ kind: "list-rooms" }, "rooms");
    },
  });
  relay.say({ kind: "lagging" });
  await relay.request(1);
  let sentBytes = 0;
  while (relay.closedByClient === undefined && sentBytes < 100 * FULL_BYTES) {
    relay.say(entryFrame(1, LARGE_BYTES));
    sentBytes += LARGE_BYTES;
  }
  expect((await connection.ended).code).toBe("lost");
  expect(sentBytes).toBeLessThan(5 * FULL_BYTES);
});

test("ends as lost, with the cause, when a delivery cannot be processed", async () => {
  const cause = new Error("disk full");
  const given: string[] = [];
  const { relay, connection } = await connected({
    onDelivery: (delivery) => {
      given.push(delivery.kind);
      throw cause;
    },
  });
  relay.say({ kind: "lagging" });
  relay.say(entryFrame(1));
  expect(await connection.ended).toMatchObject({ code: "lost", cause });
  expect(given).toEqual(["lagging"]);
});

test("has not ended before the delivery that is being processed has settled; what waits is dropped", async () => {
  const given: string[] = [];
  const gate = Promise.withResolvers<void>();
  const { relay, connection } = await connected({
    onDelivery: (delivery) => {
      given.push(delivery.kind);
      return gate.promise;
    },
  });
  relay.say({ kind: "lagging" });
  relay.say(entryFrame(1));
  await settled();
  relay.hangUp();
  let ended = false;
  void connection.ended.then(() => {
    ended = true;
  });
  await settled();
  expect(ended).toBe(false);
  gate.resolve();
  await settled();
  expect(ended).toBe(true);
  expect(given).toEqual(["lagging"]);
});

test("pings after thirty silent seconds; an answer keeps the connection, fifteen more without one end it", async () => {
  const { clock, relay, connection } = await connected();
  await clock.turn(SILENCE_MS - 1);
  expect(relay.got).toHaveLength(1);
  await clock.turn(1);
  const ping = await relay.request(1);
  expect(ping.request.kind).toBe("ping");
  relay.answer(ping.id, { kind: "done" });
  await clock.turn(SILENCE_MS - 1);
  expect(relay.got).toHaveLength(2);
  await clock.turn(ANSWER_MS + SILENCE_MS);
  expect((await connection.ended).code).toBe("lost");
  expect(relay.got).toHaveLength(3);
});

test("does not ping while it hears something, nor take its own pause for the relay's silence", async () => {
  const gate = Promise.withResolvers<void>();
  const { clock, relay } = await connected({ onDelivery: () => gate.promise });
  for (let i = 0; i < 5; i++) {
    await clock.turn(SILENCE_MS - 1000);
    relay.say({ kind: "live", room: ROOM, seq: 1 });
  }
  expect(relay.got).toHaveLength(1);
  while (!relay.paused) relay.say(entryFrame(1, LARGE_BYTES));
  relay.events.onMessage(encode(serverFrame, { kind: "lagging" }));
  await clock.turn(10 * SILENCE_MS);
  expect(relay.got).toHaveLength(1);
  expect(relay.closedByClient).toBeUndefined();
  gate.resolve();
  await clock.turn(SILENCE_MS);
  expect(relay.got).toHaveLength(2);
});

test("pings at once when the machine wakes from a long sleep", async () => {
  const { clock, relay, connection } = await connected();
  clock.jump(8 * 60 * 60 * 1000);
  await clock.turn(0);
  expect(relay.got).toHaveLength(2);
  await clock.turn(ANSWER_MS);
  expect((await connection.ended).code).toBe("lost");
});

test("treats an error about no request as the end, with its cause", async () => {
  const { relay, connection } = await connected();
  relay.refuse(0, "shutting-down");
  expect(await connection.ended).toMatchObject({ code: "lost", cause: { code: "shutting-down" } });
});

const OUT_OF_PLACE: readonly [string, ServerFrame][] = [
  ["a second hello", { kind: "hello", ...HELLO }],
  ["an answer to nothing", { kind: "answer", id: 77, answer: { kind: "done" } }],
  [
    "an error to nothing",
    { kind: "error", id: 77, code: "internal", winnerSeq: 0, epoch: 0, retryAfterMs: 0 },
  ],
  ["an entry that is none", { kind: "entry", entry: new Uint8Array([9, 9]) }],
];

test.each(OUT_OF_PLACE)("ends as not-a-relay on %s", async (_, frame) => {
  const { relay, connection } = await connected();
  const inFlight = connection.request({ kind: "ping" }, "done");
  inFlight.catch(() => {});
  relay.say(frame);
  expect((await connection.ended).code).toBe("not-a-relay");
  expect(relay.closedByClient).toBe("at once");
  await expect(inFlight).rejects.toMatchObject({ code: "not-a-relay" });
});

test("ends as not-a-relay on another request's answer, and fails that request too", async () => {
  const { relay, connection } = await connected();
  const request = connection.request({ kind: "list-rooms" }, "rooms");
  relay.answer((await relay.request(1)).id, { kind: "done" });
  await expect(request).rejects.toMatchObject({ code: "not-a-relay" });
  expect((await connection.ended).code).toBe("not-a-relay");
});

test("takes nothing but a hello first, and no delivery before the session", async () => {
  for (const frame of [
    entryFrame(1),
    { kind: "lagging" } as const,
    { kind: "answer", id: 1, answer: SESSION } as const,
  ]) {
    const first = setUp();
    (await first.transport.relay(0)).say(frame);
    expect((await first.failure).code).toBe("not-a-relay");

    const second = setUp({ trust: () => new Promise(() => {}) });
    const relay = await second.transport.relay(0);
    relay.say({ kind: "hello", ...HELLO });
    relay.say(frame);
    expect(relay.closedByClient).toBe("at once");
    expect(relay.got).toEqual([]);
  }
});

const anyBytes = fc.uint8Array({ maxLength: 200 });
const frameBytes = fc
  .constantFrom<ServerFrame>(
    { kind: "hello", ...HELLO },
    { kind: "answer", id: 2, answer: { kind: "done" } },
    { kind: "answer", id: 1, answer: SESSION },
    { kind: "live", room: ROOM, seq: 1 },
    { kind: "inbox-item", seq: 1, from: DEVICE, receivedAtMs: 0, item: new Uint8Array(3) },
    entryFrame(1),
  )
  .map((frame) => encode(serverFrame, frame));
const damaged = fc
  .tuple(frameBytes, fc.nat(), fc.nat({ max: 255 }), fc.boolean())
  .map(([bytes, at, value, cut]) => {
    const copy = cut ? bytes.slice(0, at % (bytes.length + 1)) : bytes.slice();
    if (!cut) copy[at % copy.length] = value;
    return copy;
  });
const hostile = fc.array(fc.oneof(anyBytes, frameBytes, damaged), { minLength: 1, maxLength: 5 });

test("any bytes at any point end the connection with a typed error or are taken; nothing else happens", async () => {
  await fc.assert(
    fc.asyncProperty(hostile, fc.boolean(), async (messages, afterLogin) => {
      const { transport, connecting } = setUp();
      const relay = await transport.relay(0);
      if (afterLogin) await relay.welcome();
      const outcome = connecting.then(
        (connection) => {
          for (const message of messages) relay.sayBytes(message);
          connection.close();
          return connection.ended;
        },
        (error: unknown) => error,
      );
      if (!afterLogin) {
        for (const message of messages) relay.sayBytes(message);
        await settled();
        relay.hangUp();
      }
      expect(await outcome).toBeInstanceOf(ConnectionError);
    }),
    { numRuns: 20_000 },
  );
});
