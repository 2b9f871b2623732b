import { expect, it } from "vitest";
import { HandTurnedClock } from "./hand-turned-clock.ts";
import { openSqliteStore } from "./store/sqlite/store.ts";
import { addressOf, transportOf } from "./testing/raw-client.ts";
import { startTestRelay } from "./testing/relay-fixture.ts";
import { createRoomWith, entriesOf, resume, say, textOf } from "./testing/room-requests.ts";

it("a relay that stops answers what is under way, delivers it, says 1001, and lets go of everything", async () => {
  await using relay = await startTestRelay();
  const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
  const room = await createRoomWith(ana.client, [addressOf(bo.account)]);
  for (const { client } of [ana, bo]) await resume(client, [room], { after: 1 });
  const saying = ["one", "two", "three"].map((text) => say(ana.client, { room, text, epoch: 1 }));
  await bo.client.until(() => entriesOf(bo.client).length > 0);
  const stopped = relay.relay.close();
  await Promise.all(saying);
  expect((await ana.client.ended).code).toBe(1001);
  expect((await bo.client.ended).code).toBe(1001);
  expect(entriesOf(bo.client).map(textOf)).toEqual(["one", "two", "three"]);
  await stopped;
  await expect(relay.connect()).rejects.toThrow("ECONNREFUSED");

  await using again = await startTestRelay({ dataFolder: relay.folder });
  const back = await again.connect();
  await back.logIn(ana.account);
  await resume(back, [room]);
  await back.until(() => entriesOf(back).length === 4);
});

it("a relay that stops refuses new requests and connections, and is unhealthy, while old ones are under way", async () => {
  const gate = Promise.withResolvers<void>();
  const openStore = (folder: string) => {
    const store = openSqliteStore({ path: `${folder}/relay.db` });
    return {
      ...store,
      roomsOf: (device: Parameters<typeof store.roomsOf>[0]) =>
        gate.promise.then(() => store.roomsOf(device)),
    };
  };
  await using relay = await startTestRelay({ openStore });
  const { client } = await relay.member("ana");
  const underWay = client.request({ kind: "list-rooms" }, "rooms");
  await client.request({ kind: "ping" }, "done");
  const stopped = relay.relay.close();
  await expect(client.request({ kind: "ping" }, "done")).rejects.toMatchObject({ code: "shutting-down" });
  await expect(relay.connect()).rejects.toThrow("503");
  expect((await fetch(`http://127.0.0.1:${relay.relay.address.port}/healthz`)).status).toBe(503);
  gate.resolve();
  expect((await underWay).rooms).toEqual([]);
  await stopped;
});

it("a client that does not let go is cut off when the time to drain is over", async () => {
  const clock = new HandTurnedClock(Date.now());
  await using relay = await startTestRelay({ clock });
  const { client } = await relay.member("ana");
  transportOf(client.socket).pause();
  const stopped = relay.relay.close();
  await relay.relay.countAccounts();
  clock.advance(10_000);
  await stopped;
}, 4000);

it("a silent client is dropped after a ping went unanswered; one that answers stays", async () => {
  const clock = new HandTurnedClock(Date.now());
  await using relay = await startTestRelay({ clock });
  const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
  transportOf(bo.client.socket).pause();
  const pinged = new Promise((resolve) => ana.client.socket.once("ping", resolve));
  clock.advance(30_000);
  await pinged;
  await ana.client.request({ kind: "ping" }, "done");
  clock.advance(30_000);
  transportOf(bo.client.socket).resume();
  expect((await bo.client.ended).code).toBe(1006);
  await ana.client.request({ kind: "ping" }, "done");
});
