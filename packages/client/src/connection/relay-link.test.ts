import { expect, test } from "vitest";
import type { ConnectionState } from "../chat/chat.ts";
import { STABLE_MS } from "./backoff.ts";
import type { Delivery, RelayConnection } from "./connection.ts";
import { ConnectionError } from "./connection.ts";
import { HandTurnedClock, settled } from "./hand-turned-clock.ts";
import { connectRelay } from "./relay-connection.ts";
import type { RelayLinkOptions } from "./relay-link.ts";
import { startRelayLink } from "./relay-link.ts";
import { DEVICE, entryFrame, HELLO, ScriptedTransport } from "./scripted-relay.ts";
import { relayUrl } from "./transport.ts";

const SERVER = { host: "chat.example.org", why: "pinned", code: "" };

function start(over: Partial<RelayLinkOptions> = {}, trust?: () => Promise<never>) {
  const clock = new HandTurnedClock();
  const transport = new ScriptedTransport();
  const log: string[] = [];
  const states: ConnectionState[] = [];
  const link = startRelayLink({
    connect: (given) =>
      connectRelay({
        ...given,
        transport,
        clock,
        url: relayUrl("chat.example.org"),
        trust: trust ?? (async () => SERVER),
        login: async () => ({ kind: "authenticate", device: DEVICE, signature: new Uint8Array(64) }),
      }),
    clock,
    random: () => 0,
    onConnected: () => {
      log.push("connected");
    },
    onDelivery: (delivery) => {
      log.push(delivery.kind);
    },
    onDisconnected: (reason) => {
      log.push(`disconnected: ${reason.code}`);
    },
    ...over,
  });
  states.push(link.state());
  link.subscribe(() => states.push(link.state()));
  const welcome = async (index: number) => {
    const relay = await transport.relay(index);
    await relay.welcome();
    await settled();
    return relay;
  };
  return { clock, transport, link, log, states, welcome, kinds: () => states.map((state) => state.kind) };
}

const refusedTcp = () => new ConnectionError("unreachable", "nothing listens there");

test("connects, tells its state, and hands over deliveries with their connection", async () => {
  const from: RelayConnection[] = [];
  const { link, welcome, kinds, clock } = start({
    onDelivery: (_, connection) => {
      from.push(connection);
    },
  });
  expect(link.connection()).toBeUndefined();
  const relay = await welcome(0);
  expect(kinds()).toEqual(["connecting", "connected"]);
  expect(link.state()).toEqual({ kind: "connected", sinceMs: clock.nowMs() });
  expect(link.server()).toBe(SERVER);
  relay.say(entryFrame(1));
  await settled();
  expect(from).toEqual([link.connection()]);
  await link.close();
  expect(kinds()).toEqual(["connecting", "connected", "closed"]);
  expect(relay.closedByClient).toBe("politely");
  expect(clock.timers).toBe(0);
});

test("waits longer after each failure, and says when it will try again", async () => {
  const { link, transport, clock } = start();
  transport.failures.push(...Array.from({ length: 8 }, refusedTcp));
  link.reconnect();
  const relay = await transport.relay(0);
  relay.hangUp();
  await settled();
  const delaysMs: number[] = [];
  for (let i = 0; i < 8; i++) {
    const state = link.state();
    if (state.kind !== "waiting") throw new Error(state.kind);
    delaysMs.push(state.retryAtMs - clock.nowMs());
    expect(clock.nextInMs).toBe(delaysMs[i]);
    await clock.turn(state.retryAtMs - clock.nowMs());
  }
  expect(delaysMs).toEqual([1, 2, 4, 8, 16, 30, 30, 30].map((seconds) => seconds * 1000));
  await link.close();
});

test("starts with the shortest delay again only after a connection that lasted", async () => {
  const { link, welcome, clock } = start();
  const delayMs = () => {
    const state = link.state();
    return state.kind === "waiting" ? state.retryAtMs - clock.nowMs() : undefined;
  };
  for (const [index, expectedMs] of [1_000, 2_000, 4_000].entries()) {
    const relay = await welcome(index);
    await clock.turn(STABLE_MS - 1);
    relay.hangUp();
    await settled();
    expect(delayMs()).toBe(expectedMs);
    await clock.turn(expectedMs);
  }
  const relay = await welcome(3);
  await clock.turn(STABLE_MS - 1);
  relay.say({ kind: "lagging" });
  await clock.turn(1);
  relay.hangUp();
  await settled();
  expect(delayMs()).toBe(1_000);
  await link.close();
});

test("tries at once when asked to, while it waits", async () => {
  const { link, welcome, kinds } = start();
  (await welcome(0)).hangUp();
  await settled();
  expect(link.state().kind).toBe("waiting");
  link.reconnect();
  await welcome(1);
  expect(kinds()).toEqual(["connecting", "connected", "waiting", "connecting", "connected"]);
  link.reconnect();
  await settled();
  expect(link.state().kind).toBe("connected");
  await link.close();
});

test("waits as long as a busy relay asks", async () => {
  const { link, transport, clock } = start();
  const relay = await transport.relay(0);
  relay.refuse(0, "rate-limited", 120_000);
  await settled();
  expect(link.state()).toEqual({
    kind: "waiting",
    retryAtMs: clock.nowMs() + 120_000,
    reason: "The server asks to wait",
  });
  await clock.turn(119_999);
  expect(transport.relays).toHaveLength(1);
  await clock.turn(1);
  expect(transport.relays).toHaveLength(2);
  await link.close();
});

test("comes back to a relay that is stopping", async () => {
  const { link, welcome, clock, log } = start();
  (await welcome(0)).refuse(0, "shutting-down");
  await settled();
  expect(link.state()).toMatchObject({ kind: "waiting", reason: "The server is stopping" });
  await clock.turn(1_000);
  await welcome(1);
  expect(log).toEqual(["connected", "disconnected: lost", "connected"]);
  await link.close();
});

test.each([
  ["not-proven", 10],
  ["server-changed", 11],
  ["server-rolled-back", 12],
] as const)("stops for good on %s, with exit code %i and nothing sent", async (code, exitCode) => {
  const { link, transport, clock } = start({}, () => Promise.reject(new ConnectionError(code, "STOP")));
  const relay = await transport.relay(0);
  relay.say({ kind: "hello", ...HELLO });
  await settled();
  expect(link.state()).toEqual({ kind: "stopped", reason: "STOP", exitCode });
  expect(clock.timers).toBe(0);
  expect(relay.got).toEqual([]);
  link.reconnect();
  await transport.relay(1);
  expect(link.state().kind).toBe("connecting");
  await link.close();
});

test("stops for good when the relay refuses the login", async () => {
  const { link, transport } = start();
  const relay = await transport.relay(0);
  relay.say({ kind: "hello", ...HELLO });
  relay.refuse((await relay.request(0)).id, "forbidden");
  await settled();
  expect(link.state()).toMatchObject({ kind: "stopped", exitCode: 13 });
  await link.close();
});

test("goes on trying when the refusal is about the time of day", async () => {
  class Expired extends ConnectionError {
    override get retryable(): boolean {
      return true;
    }
  }
  const { link, transport } = start({}, () => Promise.reject(new Expired("not-proven", "over")));
  (await transport.relay(0)).say({ kind: "hello", ...HELLO });
  await settled();
  expect(link.state().kind).toBe("waiting");
  await link.close();
});

test("closes and comes back later when what has to be done on a new connection fails", async () => {
  let fail = true;
  const { link, welcome, clock } = start({
    onConnected: () => {
      if (fail) throw new Error("disk full");
    },
  });
  const relay = await welcome(0);
  expect(relay.closedByClient).toBe("politely");
  expect(link.state()).toMatchObject({ kind: "waiting", reason: "A fault of this client" });
  fail = false;
  await clock.turn(1_000);
  await welcome(1);
  expect(link.state().kind).toBe("connected");
  await link.close();
});

test("a request that is in flight when the connection dies fails, and the next connection serves", async () => {
  const outcomes: unknown[] = [];
  const { link, welcome, clock } = start({
    onConnected: async (connection) => {
      outcomes.push(
        await connection.request({ kind: "list-rooms" }, "rooms").catch((error: unknown) => error),
      );
    },
  });
  const first = await welcome(0);
  await first.request(1);
  first.hangUp();
  await settled();
  expect(outcomes).toMatchObject([{ code: "lost" }]);
  await clock.turn(1_000);
  const second = await welcome(1);
  second.answer((await second.request(1)).id, { kind: "rooms", rooms: [] });
  await settled();
  expect(outcomes[1]).toEqual({ kind: "rooms", rooms: [] });
  await link.close();
});

test("does not connect again before the last delivery of the old connection has settled", async () => {
  const gate = Promise.withResolvers<void>();
  const given: Delivery["kind"][] = [];
  const { link, welcome, log, transport, clock } = start({
    onDelivery: (delivery) => {
      given.push(delivery.kind);
      return gate.promise;
    },
  });
  const relay = await welcome(0);
  relay.say({ kind: "lagging" });
  await settled();
  relay.hangUp();
  await clock.turn(60_000);
  expect(log).toEqual(["connected"]);
  expect(transport.relays).toHaveLength(1);
  gate.resolve();
  await settled();
  expect(log).toEqual(["connected", "disconnected: lost"]);
  await clock.turn(1_000);
  expect(transport.relays).toHaveLength(2);
  await link.close();
});

test("can be closed in every state", async () => {
  const dialling = start();
  dialling.transport.failures.push("silence");
  await dialling.link.close();
  expect(dialling.kinds().at(-1)).toBe("closed");

  const waiting = start();
  (await waiting.welcome(0)).hangUp();
  await settled();
  await waiting.link.close();
  expect(waiting.kinds().at(-1)).toBe("closed");
  expect(waiting.clock.timers).toBe(0);

  const stopped = start({}, () => Promise.reject(new ConnectionError("server-changed", "STOP")));
  (await stopped.transport.relay(0)).say({ kind: "hello", ...HELLO });
  await settled();
  await stopped.link.close();
  expect(stopped.kinds().at(-1)).toBe("closed");
});
