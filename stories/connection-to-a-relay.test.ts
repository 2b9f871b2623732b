import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  ConnectionState,
  EnrolledAccount,
  EnrolmentOptions,
  ProvenConnection,
  RelayLink,
  ServerPins,
} from "@parley/client";
import {
  connectRelay,
  createServerTrustCheck,
  deviceLogin,
  enrol,
  relayUrl,
  resumeEnrolment,
  startRelayLink,
  systemClock,
} from "@parley/client";
import { tlsTransport } from "@parley/client/node";
import type { RelayOptions } from "@parley/server";
import { startRelay } from "@parley/server";
import type { Invite } from "@parley/trust";
import { formatInviteLink, generateSigner, serverCode, signerFromSeed } from "@parley/trust";
import { expect, onTestFinished, test } from "vitest";

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "parley-connection-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function start(over: Partial<RelayOptions> = {}) {
  const options = {
    dataFolder: makeFolder(),
    onNewIdentity: () => {},
    log: { level: "silent" as const },
    ...over,
  };
  const relay = await startRelay(options);
  onTestFinished(() => relay.close());
  const { port } = relay.address;
  return { relay, port, host: `127.0.0.1:${port}`, restart: () => startRelay({ ...options, port }) };
}

type Started = Awaited<ReturnType<typeof start>>;

async function inviteTo({ relay, port }: Started): Promise<string> {
  const made = await relay.createOperatorInvite({ uses: 1, ttlMs: 60_000 });
  const invite: Invite = {
    ...made,
    serverId: relay.serverId,
    host: "127.0.0.1",
    port,
    inviter: undefined,
    room: undefined,
    checkpoint: undefined,
  };
  return formatInviteLink(invite);
}

function enrolmentOptions(stored: EnrolledAccount[] = []): EnrolmentOptions {
  return {
    transport: tlsTransport,
    clock: systemClock,
    onDelivery: () => {},
    persist: async (account) => {
      stored.push(account);
    },
    discard: async () => {
      stored.length = 0;
    },
  };
}

function pinsOf(account: EnrolledAccount): ServerPins {
  let { pin } = account;
  return {
    get: async () => pin,
    put: async (_, newPin) => {
      pin = newPin;
    },
  };
}

async function linkOf(account: EnrolledAccount): Promise<RelayLink> {
  const signer = await signerFromSeed(account.deviceSeed);
  const link = startRelayLink({
    connect: (given) =>
      connectRelay({
        ...given,
        transport: tlsTransport,
        clock: systemClock,
        url: relayUrl(account.host),
        trust: createServerTrustCheck({ pins: pinsOf(account), clock: systemClock }),
        login: deviceLogin({ device: account.device, signer }),
      }),
    clock: systemClock,
    random: () => 0,
    onConnected: () => {},
    onDelivery: () => {},
    onDisconnected: () => {},
  });
  onTestFinished(() => link.close());
  return link;
}

async function reaches(link: RelayLink, kind: ConnectionState["kind"]): Promise<void> {
  if (link.state().kind === kind) return;
  await new Promise<void>((resolve) => {
    const stop = link.subscribe(() => {
      if (link.state().kind !== kind) return;
      stop();
      resolve();
    });
  });
}

async function ends(connection: ProvenConnection): Promise<void> {
  connection.close();
  await connection.ended;
}

test("somebody registers by an invite, is told why the server is believed, and asks", async () => {
  const started = await start();
  const { account, connection } = await enrol({
    ...enrolmentOptions(),
    road: { link: await inviteTo(started) },
    name: "ana",
  });
  expect(connection.session).toMatchObject({ name: "ana", device: account.device });
  expect(connection.server).toMatchObject({ host: started.host, code: serverCode(started.relay.serverId) });
  expect(await connection.request({ kind: "ping" }, "done")).toEqual({ kind: "done" });
  const found = await connection.request({ kind: "look-up", name: "ana", account: undefined }, "account");
  expect(found.chain).toEqual(account.chain);
  expect(await started.relay.countAccounts()).toBe(1);
  await ends(connection);
});

test("a registration whose answer was lost is repeated without harm", async () => {
  const started = await start();
  const stored: EnrolledAccount[] = [];
  const options = enrolmentOptions(stored);
  await ends((await enrol({ ...options, road: { link: await inviteTo(started) }, name: "ana" })).connection);
  const { connection } = await resumeEnrolment(options, stored[0] as EnrolledAccount);
  expect(connection.session.name).toBe("ana");
  expect(await started.relay.countAccounts()).toBe(1);
  await ends(connection);
});

test("a taken name and a used invite are refused with the relay's reason", async () => {
  const started = await start();
  const link = await inviteTo(started);
  await ends((await enrol({ ...enrolmentOptions(), road: { link }, name: "ana" })).connection);
  const again = (name: string, road: string) => enrol({ ...enrolmentOptions(), road: { link: road }, name });
  await expect(again("ana", await inviteTo(started))).rejects.toMatchObject({
    code: "refused",
    cause: { code: "name-taken" },
  });
  await expect(again("bo", link)).rejects.toMatchObject({
    code: "refused",
    cause: { code: "invite-invalid" },
  });
});

test("an open relay takes somebody who typed its 30 digits", async () => {
  const started = await start({ registration: "open" });
  const introduction = { typed: serverCode(started.relay.serverId) };
  const road = { host: started.host, introduction };
  const { connection } = await enrol({ ...enrolmentOptions(), road, name: "ana" });
  expect(connection.server.why).toMatch(/^pinned by the 30 digits typed on /);
  await ends(connection);
});

test("the connection is lost when the relay stops, and comes back by itself when it starts again", async () => {
  const started = await start();
  const { account, connection } = await enrol({
    ...enrolmentOptions(),
    road: { link: await inviteTo(started) },
    name: "ana",
  });
  await ends(connection);
  const link = await linkOf(account);
  await reaches(link, "connected");
  await started.relay.close();
  await reaches(link, "waiting");
  const again = await started.restart();
  onTestFinished(() => again.close());
  await reaches(link, "connected");
  expect(link.connection()?.session.name).toBe("ana");
});

test("another relay on the same address is a hard stop, and gets nothing to see", async () => {
  const started = await start();
  const { account, connection } = await enrol({
    ...enrolmentOptions(),
    road: { link: await inviteTo(started) },
    name: "ana",
  });
  await ends(connection);
  await started.relay.close();
  await start({ port: started.port });
  const link = await linkOf(account);
  await reaches(link, "stopped");
  expect(link.state()).toMatchObject({ exitCode: 11, reason: expect.stringMatching(/^STOP\. /) });
});

test("somebody whom the relay does not know is refused, and the link stops", async () => {
  const started = await start();
  const { account, connection } = await enrol({
    ...enrolmentOptions(),
    road: { link: await inviteTo(started) },
    name: "ana",
  });
  await ends(connection);
  const { seed } = await generateSigner();
  const link = await linkOf({ ...account, deviceSeed: seed });
  await reaches(link, "stopped");
  expect(link.state()).toMatchObject({ exitCode: 13 });
});

test("a relay that ends no TLS is reached on this machine without", async () => {
  const started = await start({ tls: { kind: "off" }, registration: "open" });
  const road = { host: `ws://${started.host}`, introduction: { typed: serverCode(started.relay.serverId) } };
  const { account, connection } = await enrol({ ...enrolmentOptions(), road, name: "ana" });
  await ends(connection);
  const link = await linkOf(account);
  await reaches(link, "connected");
});
