import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProtocolError } from "@parley/protocol";
import type { NewAccount } from "@parley/trust";
import { describe, expect, it, onTestFinished } from "vitest";
import { HandTurnedClock } from "./hand-turned-clock.ts";
import type { RelayStore } from "./store/contract.ts";
import { FaultyCommit } from "./store/sqlite/faulty-commit.ts";
import { openSqliteStore } from "./store/sqlite/store.ts";
import { addressOf } from "./testing/raw-client.ts";
import { startTestRelay } from "./testing/relay-fixture.ts";
import {
  commitRequest,
  createRoomWith,
  entriesOf,
  randomId,
  resume,
  say,
  textOf,
} from "./testing/room-requests.ts";

function faultyStore(): { faults: FaultyCommit; openStore: (folder: string) => RelayStore } {
  const faults = new FaultyCommit();
  const openStore = (folder: string) =>
    openSqliteStore({ path: `${folder}/relay.db`, unsafeTestingCommit: faults.commit });
  return { faults, openStore };
}

describe("a disk that is full", () => {
  for (const outcome of ["loses", "persists"] as const) {
    it(`(what failed, the disk ${outcome}) is told with storage-unavailable, and work goes on when there is room again`, async () => {
      const { faults, openStore } = faultyStore();
      const clock = new HandTurnedClock(Date.now());
      await using relay = await startTestRelay({ openStore, clock });
      const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
      const room = await createRoomWith(ana.client, [addressOf(bo.account)]);
      for (const { client } of [ana, bo]) await resume(client, [room], { after: 1 });
      await say(ana.client, { room, text: "acknowledged", epoch: 1 });
      const healthz = async () =>
        (await fetch(`http://127.0.0.1:${relay.relay.address.port}/healthz`)).status;
      expect(await healthz()).toBe(200);

      faults.arm(outcome, { count: Number.POSITIVE_INFINITY });
      const clientId = randomId();
      const message = { room, text: "in doubt", epoch: 1, clientId };
      await expect(say(ana.client, message)).rejects.toMatchObject({
        code: "storage-unavailable",
        retryable: true,
      });
      clock.advance(1000);
      expect(await healthz()).toBe(503);

      faults.disarm();
      const { seq } = await say(ana.client, message);
      expect(seq).toBe(3);
      await say(ana.client, { room, text: "afterwards", epoch: 1 });
      clock.advance(1000);
      expect(await healthz()).toBe(200);
      await bo.client.until(() => entriesOf(bo.client).some((entry) => textOf(entry) === "afterwards"));
      expect(entriesOf(bo.client).map(textOf)).toEqual(["acknowledged", "in doubt", "afterwards"]);
    });
  }
});

describe("a Welcome whose way into the inbox is cut short", () => {
  it("gets there when the disk has room again", async () => {
    const { faults, openStore } = faultyStore();
    const clock = new HandTurnedClock(Date.now());
    await using relay = await startTestRelay({ openStore, clock });
    const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
    await resume(bo.client, []);
    const room = randomId();
    await ana.client.request({ kind: "create-room", room }, "done");
    faults.arm("loses", { sound: 1 });
    const added = [{ device: addressOf(bo.account), item: Uint8Array.of(1) }];
    await ana.client.request(commitRequest(room, 0, { added }), "appended");
    await expect.poll(() => relay.logLines.join("")).toContain('"fault"');
    expect(bo.client.deliveries).toEqual([]);
    clock.advance(5000);
    await bo.client.until(() => bo.client.deliveries.find(({ kind }) => kind === "inbox-item"));
  });

  it("gets there at the next start, if the relay died in between", async () => {
    const dataFolder = await mkdtemp(join(tmpdir(), "parley-relay-"));
    onTestFinished(() => rm(dataFolder, { recursive: true, force: true }));
    const openStore = (folder: string) => ({
      ...openSqliteStore({ path: `${folder}/relay.db` }),
      deliverPending: () => Promise.reject(new Error("killed here")),
    });
    let account: NewAccount;
    {
      await using first = await startTestRelay({ dataFolder, openStore });
      const [ana, bo] = [await first.member("ana"), await first.member("bo")];
      account = bo.account;
      await createRoomWith(ana.client, [addressOf(account)]);
    }
    await using second = await startTestRelay({ dataFolder });
    const client = await second.connect();
    await client.logIn(account);
    await resume(client, []);
    await client.until(() => client.deliveries.find(({ kind }) => kind === "inbox-item"));
  });
});

it("a backfill that cannot be read ends its connection; the next one resumes", async () => {
  let isBroken = true;
  const openStore = (folder: string) => {
    const store = openSqliteStore({ path: `${folder}/relay.db` });
    const readRoom: RelayStore["readRoom"] = async (...args) => {
      if (isBroken) throw new ProtocolError("storage-unavailable");
      return store.readRoom(...args);
    };
    return { ...store, readRoom };
  };
  await using relay = await startTestRelay({ openStore });
  const { client, account } = await relay.member("ana");
  const room = await createRoomWith(client, []);
  await resume(client, [room]);
  expect(await client.ended).toMatchObject({ code: 1011, error: { code: "storage-unavailable" } });
  isBroken = false;
  const back = await relay.connect();
  await back.logIn(account);
  await resume(back, [room]);
  await back.until(() => back.deliveries.find(({ kind }) => kind === "live"));
  expect(entriesOf(back)).toHaveLength(1);
});

describe("a start that fails", () => {
  it("says so and leaves nothing open: a port in use, a folder in use", async () => {
    await using relay = await startTestRelay();
    const { port } = relay.relay.address;
    await expect(startTestRelay({ port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    await expect(startTestRelay({ dataFolder: relay.folder })).rejects.toMatchObject({ code: "in-use" });
    const { client } = await relay.member("ana");
    await client.request({ kind: "ping" }, "done");
  });
});
