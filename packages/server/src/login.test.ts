import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { deviceAuthority, loginMessage, makeDeviceRevoke, Secret, signerFromSeed } from "@parley/trust";
import { describe, expect, it } from "vitest";
import { HandTurnedClock } from "./hand-turned-clock.ts";
import type { RelayStore } from "./store/contract.ts";
import { openSqliteStore } from "./store/sqlite/store.ts";
import { addressOf, makeAccount, RawClient } from "./testing/raw-client.ts";
import { startTestRelay } from "./testing/relay-fixture.ts";
import { issueSelfSigned } from "./tls/self-signed.ts";

const TLS = { tls: { kind: "self-signed" } } as const;

describe("registration", () => {
  it("opens a session, and once more when the answer was lost", async () => {
    await using relay = await startTestRelay(TLS);
    const account = await makeAccount("ana");
    for (let time = 0; time < 2; time++) {
      const client = await relay.connect();
      const session = await client.register(account, "ana");
      expect(session).toMatchObject({ name: "ana", stock: 0, device: { device: 1 } });
      expect(session.device.account).toEqual(account.accountId);
    }
    expect(await relay.relay.countAccounts()).toBe(1);
  });

  it("refuses names that are taken, misspelled or not the chain's", async () => {
    await using relay = await startTestRelay();
    await relay.member("ana");
    const client = await relay.connect();
    await expect(client.register(await makeAccount("ana"), "ana")).rejects.toMatchObject({
      code: "name-taken",
    });
    await expect(client.register(await makeAccount("bo"), "Bo")).rejects.toMatchObject({
      code: "name-invalid",
    });
    await expect(client.register(await makeAccount("bo"), "cy")).rejects.toMatchObject({
      code: "chain-invalid",
    });
  });

  it("refuses a chain that was tampered with and a signature for another chain", async () => {
    await using relay = await startTestRelay();
    const account = await makeAccount("ana");
    const bent = account.chain.map((entry) => entry.slice());
    (bent[1] as Uint8Array)[60]! ^= 1;
    const client = await relay.connect();
    await expect(client.register({ ...account, chain: bent }, "ana")).rejects.toMatchObject({
      code: "chain-invalid",
    });
    const thief = { ...account, device: Secret.random(32) };
    await expect(client.register(thief, "ana")).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("needs an invite by default, which serves as often as it says and no longer than it says", async () => {
    const clock = new HandTurnedClock(Date.now());
    await using relay = await startTestRelay({ registration: "invite", clock });
    const invite = await relay.relay.createOperatorInvite({ uses: 1, ttlMs: 60_000 });
    const late = await relay.relay.createOperatorInvite({ uses: 1, ttlMs: 30_000 });
    const client = await relay.connect();
    const [ana, bo] = [await makeAccount("ana", clock.nowMs()), await makeAccount("bo", clock.nowMs())];
    await expect(client.register(ana, "ana")).rejects.toMatchObject({ code: "invite-invalid" });
    const guessed = { id: invite.id, secret: Secret.random(32) };
    await expect(client.register(ana, "ana", guessed)).rejects.toMatchObject({ code: "invite-invalid" });
    await client.register(ana, "ana", invite);
    const other = await relay.connect();
    await expect(other.register(bo, "bo", invite)).rejects.toMatchObject({ code: "invite-invalid" });
    clock.advance(30_000);
    const third = await relay.connect();
    await expect(third.register(bo, "bo", late)).rejects.toMatchObject({ code: "invite-invalid" });
  });

  it("can be closed", async () => {
    await using relay = await startTestRelay({ registration: "closed" });
    const client = await relay.connect();
    const registering = client.register(await makeAccount("ana"), "ana");
    await expect(registering).rejects.toMatchObject({ code: "registration-closed" });
  });
});

describe("login", () => {
  it("takes a device's signature over this hello and this TLS connection", async () => {
    await using relay = await startTestRelay(TLS);
    const { account } = await relay.member("ana");
    const client = await relay.connect();
    expect(client.tlsExporter()).toHaveLength(32);
    expect(await client.logIn(account)).toMatchObject({ name: "ana" });
    await expect(client.logIn(account)).rejects.toMatchObject({ code: "forbidden" });
  });

  it("refuses an unknown account, another device's key, a signature for another hello and one without the exporter", async () => {
    await using relay = await startTestRelay(TLS);
    const { account } = await relay.member("ana");
    const client = await relay.connect();
    const elsewhere = await relay.connect();
    const device = addressOf(account);
    const signer = await signerFromSeed(account.device);
    const tlsExporter = client.tlsExporter() as Uint8Array;
    const signatures = [
      await signer.sign(loginMessage({ helloBytes: elsewhere.helloBytes, tlsExporter, device })),
      await signer.sign(loginMessage({ helloBytes: client.helloBytes, device })),
      new Uint8Array(64),
    ];
    for (const signature of signatures) {
      const attempt = client.request({ kind: "authenticate", device, signature }, "session");
      await expect(attempt).rejects.toMatchObject({ code: "unauthenticated" });
    }
    const stranger = await makeAccount("bo");
    await expect(client.logIn(stranger)).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(client.logIn({ ...account, device: Secret.random(32) })).rejects.toMatchObject({
      code: "unauthenticated",
    });
    await client.logIn(account);
  });

  it("lets the client ask on without waiting for the session", async () => {
    await using relay = await startTestRelay();
    const { account } = await relay.member("ana");
    const client = await relay.connect();
    const signer = await signerFromSeed(account.device);
    const device = addressOf(account);
    const signature = await signer.sign(loginMessage({ helloBytes: client.helloBytes, device }));
    const session = client.request({ kind: "authenticate", device, signature }, "session");
    const rooms = client.request({ kind: "list-rooms" }, "rooms");
    expect((await session).name).toBe("ana");
    expect((await rooms).rooms).toEqual([]);
  });

  it("cannot be passed on by somebody who ends TLS in between", async () => {
    await using relay = await startTestRelay(TLS);
    const { account } = await relay.member("ana");
    await using middle = await startManInTheMiddle(relay.relay.address.port);
    const client = await RawClient.connect(`wss://127.0.0.1:${middle.port}/v1`);
    await expect(client.logIn(account)).rejects.toMatchObject({ code: "unauthenticated" });
    client.socket.terminate();
  });

  it("refuses a device that its account has revoked", async () => {
    let store: RelayStore | undefined;
    const openStore = (folder: string) => (store = openSqliteStore({ path: `${folder}/relay.db` }));
    await using relay = await startTestRelay({ openStore });
    const { account } = await relay.member("ana");
    const by = deviceAuthority(1, await signerFromSeed(account.device));
    const entry = await makeDeviceRevoke({ state: account.state, by, device: 1, nowMs: Date.now() });
    await store?.appendAccountEntry(account.accountId, account.chain.length, entry);
    const client = await relay.connect();
    await expect(client.logIn(account)).rejects.toMatchObject({ code: "unauthenticated" });
  });
});

describe("strangers", () => {
  it("may ask for nothing but a login, and are sent away when they do not log in", async () => {
    const clock = new HandTurnedClock(Date.now());
    await using relay = await startTestRelay({ clock });
    const client = await relay.connect();
    await expect(client.request({ kind: "list-rooms" }, "rooms")).rejects.toMatchObject({
      code: "unauthenticated",
    });
    await client.request({ kind: "ping" }, "done");
    const { client: member } = await relay.member("ana");
    clock.advance(10_000);
    expect(await client.ended).toMatchObject({ code: 1008, error: { code: "unauthenticated" } });
    await member.request({ kind: "ping" }, "done");
  });

  it("are few from one address", async () => {
    await using relay = await startTestRelay({ limits: { strangersPerAddress: 2 } });
    const first = await relay.connect();
    await relay.connect();
    await expect(relay.connect()).rejects.toThrow("429");
    await relay.connect({ localAddress: "127.0.0.2" });
    await first.register(await makeAccount("ana"), "ana");
    await relay.connect();
  });

  it("cannot guess for long, and those who log in are not counted", async () => {
    const clock = new HandTurnedClock(Date.now());
    const attemptsPerAddress = { burst: 3, perSecond: 0.1 };
    await using relay = await startTestRelay({ clock, limits: { attemptsPerAddress, loginMs: 60_000 } });
    const { account } = await relay.member("ana");
    for (let time = 0; time < 5; time++) await (await relay.connect()).logIn(account);
    const client = await relay.connect();
    const guess = () => client.logIn({ ...account, device: Secret.random(32) });
    await expect(guess()).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(guess()).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(guess()).rejects.toMatchObject({ code: "rate-limited", data: { retryAfterMs: 10_000 } });
    clock.advance(5000);
    await expect(guess()).rejects.toMatchObject({ code: "rate-limited", data: { retryAfterMs: 5000 } });
    clock.advance(5000);
    await expect(guess()).rejects.toMatchObject({ code: "unauthenticated" });
  });
});

async function startManInTheMiddle(targetPort: number): Promise<AsyncDisposable & { port: number }> {
  const { keyPem: key, certificatePem: cert } = issueSelfSigned({
    commonName: "somebody else",
    hostNames: ["127.0.0.1"],
    notBeforeMs: Date.now() - 1000,
    notAfterMs: Date.now() + 1_000_000,
  });
  const server = createTlsServer({ key, cert }, (inside) => {
    const outside = connectTls({ port: targetPort, host: "127.0.0.1", rejectUnauthorized: false });
    inside.pipe(outside).pipe(inside);
    inside.on("error", () => outside.destroy());
    outside.on("error", () => inside.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}
