import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EnrolmentOptions, Introduction, Transport } from "@parley/client";
import { enrol, systemClock } from "@parley/client";
import { tlsTransport } from "@parley/client/node";
import type { RelayOptions } from "@parley/server";
import { startRelay } from "@parley/server";
import type { TrustFile } from "@parley/trust";
import { createServerIdentity } from "@parley/trust";
import { expect, onTestFinished, test } from "vitest";
import { fetchServerChain } from "../packages/client/src/node/server-chain-page.ts";
import { startTestRelay } from "../packages/client/src/node/test-relay.ts";
import { firstContactRules } from "../packages/client/src/policy/first-contact.ts";
import { TrustSettings } from "../packages/client/src/policy/trust-settings.ts";
import { MemoryStore } from "../packages/client/src/store/memory-store.ts";
import { StoryWitness, trustFile } from "./story-witness.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const NOT_PROVEN = { code: "not-proven", verdict: { reason: "no-evidence" } };

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "parley-first-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A relay whose log the witness has signed. */
async function witnessedRelay({ skewMs = 0 } = {}) {
  const witness = await StoryWitness.start("ann.example/w");
  witness.skewMs = skewMs;
  onTestFinished(() => witness[Symbol.asyncDispose]());
  const options: RelayOptions = {
    dataFolder: makeFolder(),
    onNewIdentity: () => undefined,
    log: { level: "silent" },
    hostNames: ["127.0.0.1", "localhost"],
    registration: "open",
    witnesses: [witness.address()],
  };
  const first = await startRelay(options);
  witness.know(first.logKey);
  await first.close();
  const relay = await startRelay(options);
  onTestFinished(() => relay.close());
  const url = new URL(`wss://127.0.0.1:${relay.address.port}`);
  await expect
    .poll(async () => new TextDecoder().decode(await fetchServerChain(url)))
    .toContain("ann.example/w");
  return { relay, witness, url };
}

/** Somebody who has a trust file, and a certificate authority that would certify anybody. */
async function visitor(
  file: Uint8Array,
  {
    preset = "friends",
    unsafeTestingIgnoreChain = false,
  }: { preset?: "friends" | "strict"; unsafeTestingIgnoreChain?: boolean } = {},
) {
  const settings = new TrustSettings({ store: new MemoryStore(), clock: systemClock });
  await settings.addFile(file);
  settings.setPreset(preset);
  const firstContact = firstContactRules({
    settings,
    clock: systemClock,
    fetchServerChain,
    unsafeTestingIgnoreChain,
  });
  return (port: number, introduction: Introduction = {}, host = "127.0.0.1") =>
    enrol({
      ...enrolmentOptions(),
      firstContact,
      name: "ana",
      road: { host: `${host}:${port}`, introduction },
    });
}

function enrolmentOptions(): EnrolmentOptions {
  const transport: Transport = {
    open: async (...args) => ({ ...(await tlsTransport.open(...args)), tlsCertified: true }),
  };
  return {
    transport,
    clock: systemClock,
    onDelivery: () => {},
    persist: async () => {},
    discard: async () => {},
  };
}

/** Somebody between, with a certificate for the host, who shows the true log as his own. */
async function manInTheMiddle({ url, logKey }: { readonly url: URL; readonly logKey: string }) {
  const meta = { hostNames: ["127.0.0.1"], logKey, nowMs: Date.now() };
  const page = await fetchServerChain(url);
  if (!page) throw new Error("the true server shows no chain");
  const mitm = await startTestRelay({ keys: await createServerIdentity(meta), serverChainPage: page });
  onTestFinished(() => mitm.close());
  return mitm;
}

test("a server is believed at first sight by its certificate and a log that the witnesses signed", async () => {
  const { relay, witness } = await witnessedRelay();
  const come = await visitor(await trustFile([witness]));
  const { connection, account } = await come(relay.address.port);
  expect(account.pin.met).toEqual(["ca", "ledger"]);
  expect(connection.server.why).toMatch(/^pinned by the log that your witnesses signed on /);
  connection.close();
  await connection.ended;
});

test("T2: a valid certificate and the true log, replayed, do not make an impostor the server", async () => {
  const { relay, witness, url } = await witnessedRelay();
  const mitm = await manInTheMiddle({ url, logKey: relay.logKey });
  const come = await visitor(await trustFile([witness]));
  await expect(come(mitm.port)).rejects.toMatchObject(NOT_PROVEN);
  expect(mitm.requests).toEqual([]);
});

test("T2 without the proof that the server's keys are in the log: the impostor gets the registration", async () => {
  const { relay, witness, url } = await witnessedRelay();
  const mitm = await manInTheMiddle({ url, logKey: relay.logKey });
  const come = await visitor(await trustFile([witness]), { unsafeTestingIgnoreChain: true });
  await expect(come(mitm.port)).rejects.toMatchObject({ code: "refused" });
  expect(mitm.requests.map(({ kind }) => kind)).toContain("register");
});

test("T2: a valid certificate and a log of his own, that no witness signed, do not either", async () => {
  const { witness } = await witnessedRelay();
  const other = await startRelay({
    dataFolder: makeFolder(),
    onNewIdentity: () => undefined,
    log: { level: "silent" },
    registration: "open",
  });
  onTestFinished(() => other.close());
  const come = await visitor(await trustFile([witness]));
  await expect(come(other.address.port)).rejects.toMatchObject(NOT_PROVEN);
});

test("a log that the witnesses know by another host, or signed eight days ago, does not speak for a server", async () => {
  const { relay, witness } = await witnessedRelay();
  const come = await visitor(await trustFile([witness]));
  await expect(come(relay.address.port, {}, "localhost")).rejects.toMatchObject(NOT_PROVEN);
  const old = await witnessedRelay({ skewMs: -8 * DAY_MS });
  const late = await visitor(await trustFile([old.witness]));
  await expect(late(old.relay.address.port)).rejects.toMatchObject(NOT_PROVEN);
});

test("under strict, certificate and log are not enough; the 30 digits, an invite or the own file are", async () => {
  const { relay, witness } = await witnessedRelay();
  const strict = await visitor(await trustFile([witness]), { preset: "strict" });
  await expect(strict(relay.address.port)).rejects.toMatchObject(NOT_PROVEN);
  const listed: Partial<TrustFile> = { servers: [{ host: "127.0.0.1", serverId: relay.serverId }] };
  const come = await visitor(await trustFile([witness], listed), { preset: "strict" });
  const { connection, account } = await come(relay.address.port);
  expect(account.pin.met).toContain("manual");
  connection.close();
  await connection.ended;
});

test("a server that is not the one of the trust file is refused, whatever else speaks for it", async () => {
  const { relay, witness } = await witnessedRelay();
  const listed = { servers: [{ host: "127.0.0.1", serverId: new Uint8Array(32).fill(1) }] };
  const come = await visitor(await trustFile([witness], listed));
  const refused = {
    code: "not-proven",
    text: expect.stringContaining("is not the server that your trust file names"),
  };
  await expect(come(relay.address.port)).rejects.toMatchObject(refused);
  await expect(come(relay.address.port, { typed: "127.0.0.1!" })).rejects.toMatchObject(refused);
});
