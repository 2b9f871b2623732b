import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { inspect } from "node:util";
import { RECOVERY_WORDS, verifyServerChain, verifyStatement } from "@parley/trust";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { HandTurnedClock } from "./hand-turned-clock.ts";
import type { NewIdentity } from "./identity/server-keys.ts";
import { startRelay } from "./relay.ts";
import { makeAccount } from "./testing/raw-client.ts";
import { startTestRelay } from "./testing/relay-fixture.ts";
import { issueSelfSigned } from "./tls/self-signed.ts";

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "parley-relay-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe("a relay's identity", () => {
  it("is made once, told once, kept from others, and found again", async () => {
    const dataFolder = await temporaryFolder();
    const told: string[] = [];
    const onNewIdentity = (identity: NewIdentity) => {
      told.push(identity.recoveryWords);
      expect(`${inspect(identity)}${JSON.stringify(identity)}`).not.toContain(
        identity.recoveryWords.slice(0, 20),
      );
    };
    let serverId: Uint8Array;
    {
      await using first = await startTestRelay({ dataFolder, onNewIdentity });
      serverId = first.relay.serverId;
    }
    await using second = await startTestRelay({ dataFolder, onNewIdentity });
    expect(second.relay.serverId).toEqual(serverId);
    expect(told).toHaveLength(1);
    expect(told[0]?.split(" ")).toHaveLength(RECOVERY_WORDS);
    for (const file of ["identity.json", "next-key", "relay.db"]) {
      expect((await stat(join(dataFolder, file))).mode & 0o777, file).toBe(0o600);
    }
    const files = await Promise.all(
      ["identity.json", "next-key"].map((file) => readFile(join(dataFolder, file), "utf8")),
    );
    expect(files.join("")).not.toContain(told[0]?.split(" ")[0]);
  });

  it("does not come to be when nobody takes the recovery words", async () => {
    const dataFolder = await temporaryFolder();
    const refusing = startRelay({
      dataFolder,
      onNewIdentity: () => Promise.reject(new Error("not confirmed")),
      log: { level: "silent" },
    });
    await expect(refusing).rejects.toThrow("not confirmed");
    await expect(stat(join(dataFolder, "identity.json"))).rejects.toThrow("ENOENT");
    await using relay = await startTestRelay({ dataFolder });
    expect(relay.relay.serverChain).toHaveLength(2);
  });
});

describe("the hello over TLS", () => {
  it("is signed by the server's chain and names the key on the wire; the channel is 1.3 and post-quantum", async () => {
    await using relay = await startTestRelay({ tls: { kind: "self-signed" } });
    expect((await stat(join(relay.folder, "tls.pem"))).mode & 0o777).toBe(0o600);
    const { port } = relay.relay.address;
    const wire = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    await once(wire, "secureConnect");
    expect(wire.getProtocol()).toBe("TLSv1.3");
    expect(wire.getEphemeralKeyInfo()).toMatchObject({ name: "X25519MLKEM768" });
    const certificate = wire.getPeerX509Certificate() as X509Certificate;
    wire.destroy();
    const spki = certificate.publicKey.export({ type: "spki", format: "der" });
    const tlsSpkiHash = new Uint8Array(createHash("sha256").update(spki).digest());

    const client = await relay.connect();
    const server = await verifyServerChain(client.hello.serverChain);
    expect(server.serverId).toEqual(relay.relay.serverId);
    const check = { note: client.hello.statement, server, nowMs: Date.now(), tlsSpkiHash };
    const statement = await verifyStatement({ ...check, host: "127.0.0.1" });
    expect(statement.generation).toBe(client.hello.generation);
    await expect(verifyStatement({ ...check, host: "elsewhere.example" })).rejects.toThrow(
      "statement-host-mismatch",
    );
    const other = await relay.connect();
    expect(other.hello.nonce).not.toEqual(client.hello.nonce);
  });

  it("refuses TLS 1.2", async () => {
    await using relay = await startTestRelay({ tls: { kind: "self-signed" } });
    const { port } = relay.relay.address;
    const wire = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, maxVersion: "TLSv1.2" });
    const [error] = await once(wire, "error");
    expect(String(error)).toContain("protocol version");
  });
});

describe("HTTP on the same port", () => {
  it("tells health and metrics, and nothing of users", async () => {
    await using relay = await startTestRelay();
    const { client } = await relay.member("zebra-quagga");
    const base = `http://127.0.0.1:${relay.relay.address.port}`;
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
    const metrics = await (await fetch(`${base}/metrics`)).text();
    expect(metrics).toContain("parley_connections 1");
    expect(metrics).toContain("parley_sessions 1");
    expect(metrics).toContain('parley_requests_total{kind="register"} 1');
    expect(metrics).toContain("parley_store_accounts 1");
    expect(metrics).not.toContain("zebra-quagga");
    const forwarded = await fetch(`${base}/metrics`, { headers: { "x-forwarded-for": "192.0.2.1" } });
    expect(forwarded.status).toBe(404);
    await client.close();
  });

  it("opens WebSockets on /v1 and under the protocol's name only", async () => {
    await using relay = await startTestRelay();
    const statusOf = async (path: string, protocols: string[]) => {
      const socket = new WebSocket(relay.relay.url.replace("/v1", path), protocols);
      const [error] = await once(socket, "error");
      return String(error);
    };
    expect(await statusOf("/v2", ["parley.v1"])).toContain("404");
    expect(await statusOf("/v1", ["other"])).toContain("400");
  });
});

it("names the keys of proxies that the operator lists, from the moment they are listed", async () => {
  const clock = new HandTurnedClock(Date.now());
  await using relay = await startTestRelay({ clock, tls: { kind: "off", trustForwardedFor: true } });
  const hash = "5a".repeat(32);
  await writeFile(join(relay.folder, "tls-spki.txt"), `${hash}\n`);
  clock.advance(30_000);
  await expect
    .poll(async () => {
      const client = await relay.connect();
      const server = await verifyServerChain(client.hello.serverChain);
      const { statement } = client.hello;
      return (await verifyStatement({ note: statement, server, nowMs: clock.nowMs() })).tlsSpkiHashes.length;
    })
    .toBe(1);
});

describe("an operator's own certificate", () => {
  const issue = async (folder: string) => {
    const nowMs = Date.now();
    const dates = { notBeforeMs: nowMs - 1000, notAfterMs: nowMs + 1e9 };
    const { keyPem, certificatePem } = issueSelfSigned({
      commonName: "own",
      hostNames: ["localhost"],
      ...dates,
    });
    await writeFile(join(folder, "own.key"), keyPem);
    await writeFile(join(folder, "own.crt"), certificatePem);
    return new X509Certificate(certificatePem).fingerprint256;
  };
  const tlsIn = (folder: string) =>
    ({ kind: "files", certificateFile: join(folder, "own.crt"), keyFile: join(folder, "own.key") }) as const;
  const fingerprintAt = async (port: number) => {
    const wire = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    await once(wire, "secureConnect");
    const { fingerprint256 } = wire.getPeerX509Certificate() as X509Certificate;
    wire.destroy();
    return fingerprint256;
  };

  it("is presented, and a renewed one is taken up without a restart", async () => {
    const clock = new HandTurnedClock(Date.now());
    const folder = await temporaryFolder();
    const first = await issue(folder);
    await using relay = await startTestRelay({ clock, tls: tlsIn(folder) });
    const { port } = relay.relay.address;
    expect(await fingerprintAt(port)).toBe(first);
    const before = (await relay.connect()).hello.statement;
    const second = await issue(folder);
    clock.advance(30_000);
    await expect.poll(() => fingerprintAt(port)).toBe(second);
    expect((await relay.connect()).hello.statement).not.toEqual(before);
  });

  it("is refused with another certificate's key", async () => {
    const folder = await temporaryFolder();
    await issue(folder);
    const key = await readFile(join(folder, "own.key"));
    await issue(folder);
    await writeFile(join(folder, "own.key"), key);
    await expect(startTestRelay({ tls: tlsIn(folder) })).rejects.toThrow("is not the key of");
  });
});

it("signs its statement anew long before it ends", async () => {
  const clock = new HandTurnedClock(Date.now());
  await using relay = await startTestRelay({ clock });
  const lifetimeMs = 7 * 24 * 60 * 60 * 1000;
  for (let step = 0; step < 4; step++) {
    clock.advance(lifetimeMs / 3);
    const client = await relay.connect();
    const server = await verifyServerChain(client.hello.serverChain);
    await verifyStatement({ note: client.hello.statement, server, nowMs: clock.nowMs(), host: "localhost" });
    await client.close();
  }
});

it("has an invite for the first account", async () => {
  await using relay = await startTestRelay({ registration: "invite" });
  expect(await relay.relay.countAccounts()).toBe(0);
  const invite = await relay.relay.createOperatorInvite({ uses: 1, ttlMs: 60_000 });
  const client = await relay.connect();
  await client.register(await makeAccount("ana"), "ana", invite);
  expect(await relay.relay.countAccounts()).toBe(1);
});

it("resumes no TLS session: every connection shows the certificate", async () => {
  await using relay = await startTestRelay({ tls: { kind: "self-signed" } });
  const { port } = relay.relay.address;
  const dial = async (session?: Buffer) => {
    const wire = connectTls({
      port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      ...(session && { session }),
    });
    await once(wire, "secureConnect");
    wire.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(wire, "data");
    const seen = { isReused: wire.isSessionReused(), session: wire.getSession() };
    wire.destroy();
    return seen;
  };
  const { session } = await dial();
  expect((await dial(session)).isReused).toBe(false);
});
