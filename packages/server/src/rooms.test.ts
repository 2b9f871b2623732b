import { inviteSecretHash, Secret } from "@parley/trust";
import { describe, expect, it } from "vitest";
import { addressOf, makeAccount } from "./testing/raw-client.ts";
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

describe("a room", () => {
  it("delivers to everybody who listens, the sender too, the answer before the entry", async () => {
    await using relay = await startTestRelay();
    const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
    const room = await createRoomWith(ana.client, [addressOf(bo.account)]);
    await resume(ana.client, [room]);
    await resume(bo.client, [room]);
    const { seq } = await say(ana.client, { room, text: "hello", epoch: 1 });
    for (const { client } of [ana, bo]) {
      const entry = await client.until(() => entriesOf(client).find((found) => found.seq === seq));
      expect(textOf(entry)).toBe("hello");
      expect(entry.sender).toEqual(addressOf(ana.account));
    }
    expect(ana.client.order.slice(-2)).toEqual(["answer", "entry"]);
  });

  it("is not there for strangers", async () => {
    await using relay = await startTestRelay();
    const [ana, eve] = [await relay.member("ana"), await relay.member("eve")];
    const room = await createRoomWith(ana.client, []);
    await expect(say(eve.client, { room, text: "hi", epoch: 1 })).rejects.toMatchObject({
      code: "not-found",
    });
    await expect(eve.client.request(commitRequest(room, 1), "appended")).rejects.toMatchObject({
      code: "not-found",
    });
    const asking = eve.client.request({ kind: "room-state", room, epoch: undefined }, "room-state");
    await expect(asking).rejects.toMatchObject({ code: "not-found" });
    expect((await resume(eve.client, [room])).rooms).toEqual([]);
    await say(ana.client, { room, text: "secret", epoch: 1 });
    await eve.client.request({ kind: "ping" }, "done");
    expect(eve.client.deliveries).toEqual([]);
    await expect(eve.client.request({ kind: "create-room", room }, "done")).rejects.toMatchObject({
      code: "already-exists",
    });
  });

  it("takes one commit for an epoch; the loser learns who won", async () => {
    await using relay = await startTestRelay();
    const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
    const room = await createRoomWith(ana.client, [addressOf(bo.account)]);
    const outcomes = await Promise.allSettled(
      [ana, bo].map(({ client }) => client.request(commitRequest(room, 1), "appended")),
    );
    const won = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.seq] : []));
    const lost = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    expect(won).toEqual([2]);
    expect(lost).toMatchObject([{ code: "epoch-conflict", data: { winnerSeq: 2, epoch: 2 } }]);
    await expect(say(bo.client, { room, text: "late", epoch: 1 })).rejects.toMatchObject({
      code: "stale-epoch",
      data: { epoch: 2 },
    });
  });

  it("takes a message once, however often it is sent", async () => {
    await using relay = await startTestRelay();
    const { client } = await relay.member("ana");
    const room = await createRoomWith(client, []);
    await resume(client, [room], { after: 1 });
    const clientId = randomId();
    const first = await say(client, { room, text: "once", epoch: 1, clientId });
    await client.request(commitRequest(room, 1), "appended");
    const again = await say(client, { room, text: "once", epoch: 1, clientId });
    expect(again).toEqual(first);
    await client.until(() => entriesOf(client).length === 2);
    await client.request({ kind: "ping" }, "done");
    expect(entriesOf(client).map(({ kind, seq }) => [kind, seq])).toEqual([
      ["application", 2],
      ["commit", 3],
    ]);
  });

  it("keeps the order in which a client sent, without waiting for answers", async () => {
    await using relay = await startTestRelay();
    const { client } = await relay.member("ana");
    const room = await createRoomWith(client, []);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => say(client, { room, text: `${index}`, epoch: 1 })),
    );
    expect(answers.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, index) => index + 2));
  });

  it("gives joiners the tree and lost members the newest GroupInfo, with the log's head there", async () => {
    await using relay = await startTestRelay();
    const { client } = await relay.member("ana");
    const room = await createRoomWith(client, [{ account: new Uint8Array(32), device: 1 }]);
    const tree = await client.request({ kind: "room-state", room, epoch: 1 }, "room-state");
    expect(tree).toMatchObject({ epoch: 1, seq: 1, state: Uint8Array.of(1, 0) });
    await client.request(commitRequest(room, 1), "appended");
    const newest = await client.request({ kind: "room-state", room, epoch: undefined }, "room-state");
    expect(newest).toMatchObject({ epoch: 2, seq: 2, state: Uint8Array.of(2, 1) });
    expect(newest.head).not.toEqual(tree.head);
    await expect(client.request({ kind: "room-state", room, epoch: 2 }, "room-state")).rejects.toMatchObject({
      code: "not-found",
    });
  });
});

describe("the roster", () => {
  it("decides who listens: a removed device gets its removal, a word of it, and nothing after", async () => {
    await using relay = await startTestRelay();
    const [ana, bo, cy] = [await relay.member("ana"), await relay.member("bo"), await relay.member("cy")];
    const room = await createRoomWith(ana.client, [addressOf(bo.account), addressOf(cy.account)]);
    for (const { client } of [ana, bo, cy]) await resume(client, [room], { after: 1 });
    const removing = commitRequest(room, 1, { removed: [addressOf(bo.account)] });
    // In one turn, so that both entries are in one batch.
    const sent = [
      say(ana.client, { room, text: "before", epoch: 1 }),
      ana.client.request(removing, "appended"),
      say(ana.client, { room, text: "after", epoch: 2 }),
    ];
    await Promise.all(sent);
    await cy.client.until(() => entriesOf(cy.client).length === 3);
    await bo.client.request({ kind: "ping" }, "done");
    expect(entriesOf(bo.client).map(({ seq }) => seq)).toEqual([2, 3]);
    expect(bo.client.deliveries.at(-1)).toEqual({ kind: "removed", room, seq: 3 });
    await expect(say(bo.client, { room, text: "still here", epoch: 2 })).rejects.toMatchObject({
      code: "forbidden",
    });
    expect((await resume(bo.client, [room], { after: 3 })).rooms).toEqual([]);
    expect((await bo.client.request({ kind: "list-rooms" }, "rooms")).rooms).toEqual([]);
  });

  it("brings a device back with a later commit; what was said in between is not repeated to it", async () => {
    await using relay = await startTestRelay();
    const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
    const device = addressOf(bo.account);
    const room = await createRoomWith(ana.client, [device]);
    await ana.client.request(commitRequest(room, 1, { removed: [device] }), "appended");
    await say(ana.client, { room, text: "without bo", epoch: 2 });
    const added = [{ device, item: Uint8Array.of(1) }];
    await ana.client.request(commitRequest(room, 2, { added }), "appended");
    await resume(bo.client, [room], { after: 4 });
    await say(ana.client, { room, text: "with bo", epoch: 3 });
    await bo.client.until(() => entriesOf(bo.client).length === 1);
    expect(entriesOf(bo.client).map(textOf)).toEqual(["with bo"]);
  });
});

describe("inboxes", () => {
  it("get Welcomes as they come, and keep them for those who are away", async () => {
    await using relay = await startTestRelay();
    const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
    const device = addressOf(bo.account);
    await resume(bo.client, []);
    const room = await createRoomWith(ana.client, [device]);
    const live = await bo.client.until(() => bo.client.deliveries.find(({ kind }) => kind === "inbox-item"));
    expect(live).toMatchObject({
      seq: 1,
      from: addressOf(ana.account),
      item: new TextEncoder().encode("welcome"),
    });
    await bo.client.close();

    await createRoomWith(ana.client, [device]);
    const back = await relay.connect();
    await back.logIn(bo.account);
    await resume(back, [room], { after: 1, inboxAfter: 1 });
    const kept = await back.until(() => back.deliveries.find(({ kind }) => kind === "inbox-item"));
    expect(kept).toMatchObject({ seq: 2 });
    await back.request({ kind: "acknowledge-inbox", upTo: 2 }, "done");
    const again = await relay.connect();
    await again.logIn(bo.account);
    await resume(again, []);
    await ana.client.request({ kind: "post-inbox", account: device.account, item: Uint8Array.of(7) }, "done");
    const next = await again.until(() => again.deliveries.find(({ kind }) => kind === "inbox-item"));
    expect(next).toMatchObject({ seq: 3, item: Uint8Array.of(7) });
  });

  it("take an item once, however often it is posted", async () => {
    await using relay = await startTestRelay();
    const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
    await resume(bo.client, []);
    const post = (...item: number[]) =>
      ana.client.request(
        { kind: "post-inbox", account: bo.account.accountId, item: Uint8Array.from(item) },
        "done",
      );
    await Promise.all([post(1), post(1), post(1)]);
    await Promise.all([post(1), post(2), post(1)]);
    await bo.client.until(() => bo.client.deliveries.length === 2);
    await bo.client.request({ kind: "ping" }, "done");
    expect(bo.client.deliveries).toMatchObject([
      { seq: 1, item: Uint8Array.of(1) },
      { seq: 2, item: Uint8Array.of(2) },
    ]);
    const account = new Uint8Array(32);
    const lost = ana.client.request({ kind: "post-inbox", account, item: Uint8Array.of(1) }, "done");
    await expect(lost).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("key packages", () => {
  it("are handed out once each, then the last resort; without any, the device is unreachable", async () => {
    await using relay = await startTestRelay();
    const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
    const device = addressOf(bo.account);
    const claim = () =>
      ana.client.request({ kind: "claim-key-packages", account: device.account }, "key-packages");
    expect(await claim()).toMatchObject({ packages: [], unreachable: [device] });
    const packages = [Uint8Array.of(1), Uint8Array.of(2)];
    const put = { kind: "put-key-packages", packages, lastResort: Uint8Array.of(9) } as const;
    expect(await bo.client.request(put, "stock")).toMatchObject({ stock: 2 });
    const claims = await Promise.all([claim(), claim(), claim(), claim()]);
    const handedOut = claims.flatMap((answer) => answer.packages.map(({ keyPackage }) => keyPackage[0]));
    expect(handedOut.sort()).toEqual([1, 2, 9, 9]);
    const back = await relay.connect();
    expect(await back.logIn(bo.account)).toMatchObject({ stock: 0 });
  });
});

describe("accounts", () => {
  it("are found by name or id, with the chain to check them by", async () => {
    await using relay = await startTestRelay();
    const [ana, bo] = [await relay.member("ana"), await relay.member("bo")];
    const { accountId, chain, nameOpening } = bo.account;
    const expected = { kind: "account", account: accountId, name: "bo", nameOpening, chain };
    const lookUp = (name?: string, account?: Uint8Array) =>
      ana.client.request({ kind: "look-up", name, account }, "account");
    expect(await lookUp("bo")).toEqual(expected);
    expect(await lookUp(undefined, accountId)).toEqual(expected);
    await expect(lookUp("nobody")).rejects.toMatchObject({ code: "not-found" });
  });

  it("invite others, within limits", async () => {
    await using relay = await startTestRelay({ registration: "invite" });
    const operator = await relay.relay.createOperatorInvite({ uses: 1, ttlMs: 60_000 });
    const ana = await relay.connect();
    await ana.register(await makeAccount("ana"), "ana", operator);
    const invite = { id: randomId(), secret: Secret.random(32) };
    const create = (expiresInMs: number, uses = 1) => {
      const terms = { expiresAtMs: Date.now() + expiresInMs, uses };
      const secretHash = inviteSecretHash(invite.secret);
      return ana.request({ kind: "create-invite", id: invite.id, secretHash, ...terms }, "done");
    };
    await expect(create(31 * 24 * 60 * 60 * 1000)).rejects.toMatchObject({ code: "too-large" });
    await expect(create(-1)).rejects.toMatchObject({ code: "invite-invalid" });
    await create(60_000);
    const bo = await relay.connect();
    await bo.register(await makeAccount("bo"), "bo", invite);
  });
});
