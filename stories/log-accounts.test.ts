import { join } from "node:path";
import {
  deviceAuthority,
  generateSigner,
  makeDeviceAdd,
  signerFromSeed,
  verifyAccountChain,
} from "@parley/trust";
import { expect, test } from "vitest";
import { loadAccount } from "../packages/client/src/node/account-folder.ts";
import { openStore } from "../packages/client/src/node/open-chat.ts";
import { openSqliteStore } from "../packages/server/src/store/sqlite/store.ts";
import { appendToLog, lyingStore, strawMan } from "./evil-server.ts";
import { connected, roomOf, until, World } from "./world.ts";

test("T9: a second account with the same name is refused, and the one it was meant for is told", async () => {
  const fake = await strawMan("bo");
  const lies = new Map();
  await using world = await World.start(lyingStore(lies));
  const ana = await world.person("ana");
  const bo = await world.person("bo");
  lies.set("bo", fake.record);
  await world.restartRelayAfter(() => appendToLog(join(world.folder, "relay"), fake.logged));
  await connected(ana);
  await connected(bo);
  await expect(ana.chat.openDirect("bo")).rejects.toMatchObject({
    code: "refused",
    message: "a second account for bo: in the server's log that name is another's",
  });
  await until(bo, "told", (chat) => chat.snapshot().alarms.length > 0);
  expect(bo.chat.snapshot().alarms[0]).toMatch(
    /^account [0-9a-f]{8} claims your name bo in the server's log$/,
  );
});

test("T9 without the log: the second account is taken for the first", async () => {
  const fake = await strawMan("bo");
  await using world = await World.start(lyingStore(new Map([["bo", fake.record]])));
  world.unsafeTestingIgnoreLog = true;
  const ana = await world.person("ana");
  await expect(ana.chat.openDirect("bo")).rejects.toMatchObject({ code: "unreachable" });
});

test("T9: an account whose name the log hides is an alarm to everybody, and nobody can use it", async () => {
  const fake = await strawMan("bo");
  const lies = new Map([["bo", fake.record]]);
  await using world = await World.start(lyingStore(lies));
  const ana = await world.person("ana");
  const hidden = fake.logged.map(({ entry }) => ({ entry }));
  await world.restartRelayAfter(() => appendToLog(join(world.folder, "relay"), hidden));
  await until(ana, "alarmed", (chat) => chat.snapshot().alarms.length > 0);
  expect(ana.chat.snapshot().alarms[0]).toMatch(
    /^the server hides the name of account [0-9a-f]{8}; nobody may use it$/,
  );
  await expect(ana.chat.openDirect("bo")).rejects.toMatchObject({ code: "refused" });
});

test("an account that is not in the log is refused", async () => {
  const fake = await strawMan("bo");
  await using world = await World.start(lyingStore(new Map([["bo", fake.record]])));
  const ana = await world.person("ana");
  await expect(ana.chat.openDirect("bo")).rejects.toMatchObject({
    code: "refused",
    message: "an account for bo that is not in the server's log",
  });
});

test("a device that this device did not add to its account is shown in red at the next sync", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  await world.close(ana);
  const stolen = openStore(ana.folder);
  const account = loadAccount(stolen);
  stolen.close();
  if (!account) throw new Error("no account");
  const state = await verifyAccountChain(account.chain, { nowMs: Date.now() });
  const entry = await makeDeviceAdd({
    state,
    by: deviceAuthority(1, await signerFromSeed(account.deviceSeed)),
    device: (await generateSigner()).signer,
    nowMs: Date.now(),
  });
  await world.restartRelayAfter(async () => {
    const store = openSqliteStore({ path: join(world.folder, "relay", "relay.db") });
    await store.appendAccountEntry(account.device.account, account.chain.length, entry);
    await store.close();
  });
  await world.reopen(ana);
  await until(ana, "alarmed", (chat) => chat.snapshot().alarms.length > 0);
  const text = "a device was added to your account, and not by this device: if it was not you, revoke it";
  expect(ana.chat.snapshot().alarms).toEqual([text]);
  await until(ana, "told in the room", (chat) =>
    chat
      .timeline(room, { limit: 10 })
      .items.some((item) => item.kind === "event" && item.text === `ALARM: ${text}`),
  );
});
