import type { Signer } from "@parley/trust";
import {
  appendAccountEntry,
  CLOCK_SKEW_MS,
  deviceAuthority,
  generateSigner,
  makeDeviceAdd,
  makeDeviceRevoke,
  signerFromSeed,
} from "@parley/trust";
import { describe, expect, it } from "vitest";
import { HandTurnedClock } from "../hand-turned-clock.ts";
import type { Member } from "../testing/relay-fixture.ts";
import { startTestRelay } from "../testing/relay-fixture.ts";

async function firstDevice({ account }: Member) {
  return deviceAuthority(1, await signerFromSeed(account.device));
}

async function addition(member: Member, nowMs = Date.now()): Promise<{ entry: Uint8Array; device: Signer }> {
  const { signer: device } = await generateSigner();
  const by = await firstDevice(member);
  return { entry: await makeDeviceAdd({ state: member.account.state, by, device, nowMs }), device };
}

function append({ client }: Member, entry: Uint8Array) {
  return client.request({ kind: "append-account-entry", entry }, "done");
}

async function chainOf({ client, name }: Member): Promise<number> {
  const { chain } = await client.request({ kind: "look-up", name, account: undefined }, "account");
  return chain.length;
}

describe("append-account-entry", () => {
  it("stores and logs an entry once, however often it is sent", async () => {
    await using relay = await startTestRelay();
    const ana = await relay.member("ana");
    const { entry } = await addition(ana);
    await append(ana, entry);
    await append(ana, entry);
    expect(await chainOf(ana)).toBe(3);
    const { entries } = await ana.client.request({ kind: "log-entries", from: 0, max: 100 }, "log-entries");
    expect(entries.filter((logged) => Buffer.compare(logged.entry, entry) === 0)).toHaveLength(1);
  });

  it("lets one of two entries for the same place in", async () => {
    await using relay = await startTestRelay();
    const ana = await relay.member("ana");
    const entries = [(await addition(ana)).entry, (await addition(ana)).entry];
    const outcomes = await Promise.allSettled(entries.map((entry) => append(ana, entry)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(outcomes.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { code: "chain-invalid" },
    });
    expect(await chainOf(ana)).toBe(3);
  });

  it("refuses an entry that another's key has signed", async () => {
    await using relay = await startTestRelay();
    const ana = await relay.member("ana");
    const bo = await relay.member("bo");
    const { entry } = await addition({ ...ana, account: { ...ana.account, device: bo.account.device } });
    await expect(append(ana, entry)).rejects.toMatchObject({ code: "chain-invalid" });
    expect(await chainOf(ana)).toBe(2);
  });

  it("refuses an entry that was signed long ago", async () => {
    const clock = new HandTurnedClock(Date.now());
    await using relay = await startTestRelay({ clock });
    const ana = await relay.member("ana");
    const { entry } = await addition(ana, clock.nowMs());
    clock.advance(CLOCK_SKEW_MS + 60_000);
    const client = await relay.connect();
    await client.logIn(ana.account);
    await expect(append({ ...ana, client }, entry)).rejects.toMatchObject({ code: "chain-invalid" });
  });

  it("closes the sessions of a revoked device and lets it in no more", async () => {
    await using relay = await startTestRelay();
    const ana = await relay.member("ana");
    const { entry, device } = await addition(ana);
    await append(ana, entry);
    const nowMs = Date.now();
    const state = await appendAccountEntry(ana.account.state, entry, { nowMs });
    const revoke = await makeDeviceRevoke({ state, by: deviceAuthority(2, device), device: 1, nowMs });
    const closed = new Promise((resolve) => ana.client.socket.once("close", resolve));
    await append(ana, revoke);
    await closed;
    const again = await relay.connect();
    await expect(again.logIn(ana.account)).rejects.toMatchObject({ code: "unauthenticated" });
  });
});
