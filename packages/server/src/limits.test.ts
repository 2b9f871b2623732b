import { once } from "node:events";
import { connect } from "node:net";
import { expect, it } from "vitest";
import { HandTurnedClock } from "./hand-turned-clock.ts";
import { addressOf } from "./testing/raw-client.ts";
import { startTestRelay } from "./testing/relay-fixture.ts";
import { commitRequest, createRoomWith, say } from "./testing/room-requests.ts";

it("a device that asks too much is told when to come back, and others are not touched", async () => {
  const clock = new HandTurnedClock(Date.now());
  const limits = { requestsPerDevice: { burst: 40, perSecond: 2 } };
  await using relay = await startTestRelay({ clock, limits });
  const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
  const room = await createRoomWith(ana.client, []);
  for (let sent = 0; sent < 10; sent++) await say(ana.client, { room, text: "spam", epoch: 1 });
  await expect(say(ana.client, { room, text: "spam", epoch: 1 })).rejects.toMatchObject({
    code: "rate-limited",
    data: { retryAfterMs: 500 },
  });
  await bo.client.request({ kind: "ping" }, "done");
  clock.advance(500);
  await say(ana.client, { room, text: "patience", epoch: 1 });
});

it("an address with many devices has a limit too", async () => {
  const limits = { requestsPerAddress: { burst: 3, perSecond: 0.001 } };
  await using relay = await startTestRelay({ limits });
  const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
  for (const { client } of [ana, bo, ana]) await client.request({ kind: "ping" }, "done");
  await expect(bo.client.request({ kind: "ping" }, "done")).rejects.toMatchObject({ code: "rate-limited" });
});

it("an address has so many connections and no more, of whatever kind", async () => {
  await using relay = await startTestRelay({ limits: { connectionsPerAddress: 3 } });
  const { client } = await relay.member("ana");
  const raw = connect(relay.relay.address.port, "127.0.0.1");
  await once(raw, "connect");
  await relay.connect();
  await expect(relay.connect()).rejects.toThrow();
  await relay.connect({ localAddress: "127.0.0.3" });
  raw.destroy();
  await client.request({ kind: "ping" }, "done");
  await expect
    .poll(() =>
      relay.connect().then(
        () => "welcome",
        () => "refused",
      ),
    )
    .toBe("welcome");
});

it("a device can replace only a few commits of a room in an hour", async () => {
  const clock = new HandTurnedClock(Date.now());
  await using relay = await startTestRelay({ clock });
  const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
  const room = await createRoomWith(ana.client, [addressOf(bo.account)]);
  await bo.client.request(commitRequest(room, 1), "appended");
  for (let replaces = 2; replaces < 5; replaces++) {
    await ana.client.request(commitRequest(room, 1, { replaces }), "appended");
  }
  const fourth = () => ana.client.request(commitRequest(room, 1, { replaces: 5 }), "appended");
  await expect(fourth()).rejects.toMatchObject({
    code: "rate-limited",
    data: { retryAfterMs: 20 * 60 * 1000 },
  });
  clock.advance(20 * 60 * 1000);
  const back = await relay.connect();
  await back.logIn(ana.account);
  expect((await back.request(commitRequest(room, 1, { replaces: 5 }), "appended")).seq).toBe(6);
});
