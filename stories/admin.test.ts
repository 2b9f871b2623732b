import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { deviceAuthority, makeDeviceAdd, Secret, signerFromSeed, verifyAccountChain } from "@parley/trust";
import { expect, test } from "vitest";
import { openSqliteStore } from "../packages/server/src/store/sqlite/store.ts";
import { connected, disconnected, lines, roomOf, sees, until, World } from "./world.ts";

test("a disabled account is sent away at once and told why; enabled again it has lost nothing", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await world.relay.admin.disable("bo");
  await until(bo, "stopped", (chat) => chat.snapshot().connection.kind === "stopped");
  const why = {
    exitCode: 13,
    reason: "The operator of the server has disabled this account; what it holds is kept",
  };
  expect(bo.chat.snapshot().connection).toMatchObject(why);
  await world.reopen(bo);
  await until(bo, "stopped again", (chat) => chat.snapshot().connection.kind === "stopped");
  expect(bo.chat.snapshot().connection).toMatchObject(why);
  expect((await world.relay.admin.sessions()).map(({ name }) => name)).toEqual(["ana"]);
  await ana.chat.send(room, "where are you?");
  await bo.chat.send(room, "I cannot say");
  await sees(ana, room, "ana: where are you?");
  expect(lines(ana, room)).not.toContain("bo: I cannot say");

  await world.restartRelay();
  await connected(ana);
  await world.reopen(bo);
  await until(bo, "still stopped", (chat) => chat.snapshot().connection.kind === "stopped");
  await world.relay.admin.enable("bo");
  bo.chat.reconnect();
  await connected(bo);
  await sees(bo, room, "ana: where are you?");
  await sees(ana, room, "bo: I cannot say");
});

test("what an account stores is counted and limited; who is over it is told, and others are not bothered", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await ana.chat.send(room, "small");
  await sees(bo, room, "ana: small");
  const { roomBytes } = await world.relay.admin.user("ana");
  expect(roomBytes).toBeGreaterThan(256);
  await world.relay.admin.setQuota("ana", { roomBytes: roomBytes + 100, inboxBytes: undefined });
  await ana.chat.send(room, "too much");
  await until(ana, "it has failed", (chat) =>
    chat
      .timeline(room, { limit: 5 })
      .items.some((item) => JSON.stringify(item).includes("you have used up the space")),
  );
  await bo.chat.send(room, "I may");
  await sees(ana, room, "bo: I may");
  await world.relay.admin.setQuota("ana", { roomBytes: undefined, inboxBytes: undefined });
  await ana.chat.send(room, "again");
  await sees(bo, room, "ana: again");
  expect(lines(bo, room)).not.toContain("ana: too much");
});

test("invites are listed and made worthless; sessions are listed and ended, and come again", async () => {
  await using world = await World.start();
  const ana = await world.person("ana");
  const link = await world.inviteLink();
  const found = [];
  for await (const invite of world.relay.admin.invites()) found.push(invite);
  expect(found).toMatchObject([{ usesLeft: 1 }]);
  await world.relay.admin.revokeInvite(found[0]?.id ?? "");
  await expect(world.person("bo", link)).rejects.toThrow(/used up, expired or unknown/);
  await expect(world.relay.admin.revokeInvite("00")).rejects.toMatchObject({ code: "no-such-invite" });
  const [session] = await world.relay.admin.sessions();
  expect(session).toMatchObject({ name: "ana", device: 1 });
  world.relay.admin.endSession(session?.id ?? 0);
  await disconnected(ana);
  await connected(ana);
  const [next] = await world.relay.admin.sessions();
  expect(next?.id).not.toBe(session?.id);
});

test("an operator who writes a device of their own into somebody's chain is refused by everybody, and the log keeps it", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  await world.restartRelayAfter(() => forgeDevice(join(world.folder, "relay", "relay.db"), "bo"));
  await connected(ana);
  const room = await ana.chat.createRoom("garden");
  await expect(ana.chat.invite(room, ["bo"])).rejects.toThrow(
    "an account whose keys do not hold (chain-signature)",
  );
  expect(ana.chat.snapshot().rooms[0]?.memberCount).toBe(1);

  await world.restartRelayAfter(() => takeForgeryBack(join(world.folder, "relay", "relay.db")));
  await connected(bo);
  await until(bo, "alarmed", (chat) => chat.snapshot().alarms.length > 0);
  expect(bo.chat.snapshot().alarms).toEqual([
    "a device was added to your account, and not by this device: if it was not you, revoke it",
  ]);
});

/** Puts a device-add into an account's chain that a key of the operator has signed. */
async function forgeDevice(path: string, name: string): Promise<void> {
  const store = openSqliteStore({ path });
  const record = await store.accountByName(name);
  await store.close();
  if (!record) throw new Error(`there is no ${name}`);
  const { account, chain } = record;
  const state = await verifyAccountChain(chain, { nowMs: Date.now() });
  const device = await signerFromSeed(Secret.random(32));
  const by = deviceAuthority(1, device);
  const forged = await makeDeviceAdd({ state, by, device, nowMs: Date.now() });
  const database = new DatabaseSync(path);
  database
    .prepare("INSERT INTO chain_entries (account, place, bytes) VALUES (?, ?, ?)")
    .run(account, chain.length, forged);
  database.prepare("UPDATE accounts SET chain_length = chain_length + 1 WHERE account = ?").run(account);
  database.close();
}

function takeForgeryBack(path: string): void {
  const database = new DatabaseSync(path);
  database.exec("DELETE FROM chain_entries WHERE place = 2; UPDATE accounts SET chain_length = 2");
  database.close();
}
