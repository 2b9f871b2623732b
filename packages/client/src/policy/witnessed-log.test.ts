import { idText } from "@parley/protocol";
import type { CheckMethod, NewAccount } from "@parley/trust";
import { CHECK_METHODS } from "@parley/trust";
import { describe, expect, it } from "vitest";
import { HandTurnedClock } from "../connection/hand-turned-clock.ts";
import { LogReplica } from "../log/log-replica.ts";
import { TestLog } from "../log/test-log.ts";
import type { Contact } from "../rooms/account-directory.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { Admission, witnessWarning } from "./admission.ts";
import { makeTrustFile, TestWitness } from "./test-witness.ts";
import { TrustSettings } from "./trust-settings.ts";
import { WitnessedLog } from "./witnessed-log.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

async function start({ witnesses: count = 1, logs = [] as readonly string[] } = {}) {
  const [store, clock, log] = [new MemoryStore(), new HandTurnedClock(), await TestLog.make()];
  const settings = new TrustSettings({ store, clock });
  const witnesses: TestWitness[] = [];
  for (let n = 0; n < count; n++) witnesses.push(await TestWitness.make(`w${n}.example/w`));
  if (count > 0) {
    const named = witnesses.map(({ vkey }) => ({ vkey }));
    await settings.addFile(await makeTrustFile(clock.nowMs(), { witnesses: named, logs }));
  }
  const replica = new LogReplica({ store, clock });
  const open = () => new WitnessedLog({ store, clock, records: replica.records, settings });
  const witnessed = open();
  const showNote = async (note: Uint8Array) => {
    await replica.sync(await log.connection(note), { onEntry: () => {} });
    return witnessed.judge();
  };
  /** Shows the log to the replica, signed by these witnesses at these times. */
  const show = async (signers: readonly (readonly [TestWitness, number])[]) => {
    let note = await log.checkpoint();
    for (const [witness, atMs] of signers) note = await witness.sign(note, atMs);
    return showNote(note);
  };
  const all = (atMs: number) => witnesses.map((witness) => [witness, atMs] as const);
  const checks = new Map<string, CheckMethod>();
  const admission = new Admission({
    settings,
    log: witnessed,
    nowMs: () => clock.nowMs(),
    checkOf: (account) => checks.get(idText(account)),
  });
  return { log, clock, settings, witnesses, witnessed, open, show, showNote, all, admission, checks };
}

function contactOf({ accountId: account, chain, nameOpening }: NewAccount, name: string): Contact {
  return { account, chain, name, nameOpening };
}

describe("the log before witnesses", () => {
  it("is nobody's affair when there are none", async () => {
    const { log, show, witnessed, admission } = await start({ witnesses: 0 });
    const ana = await log.register("ana");
    await show([]);
    expect(witnessed.standing).toEqual({ kind: "none" });
    expect(admission.admits(contactOf(ana, "ana"))).toBe(true);
  });

  it("is unmet until the quorum has signed it, and then covers what was in it", async () => {
    const { log, clock, witnesses, witnessed, show, all, admission } = await start({ witnesses: 4 });
    const ana = await log.register("ana");
    const two = all(clock.nowMs()).slice(0, 2);
    expect(await show(two)).toBe(false);
    expect(witnessed.standing).toEqual({ kind: "unmet", quorum: "3 of 4" });
    expect(() => admission.require(contactOf(ana, "ana"))).toThrow(
      "ana has to wait: your witnesses (3 of 4) have not signed this server's log as you see it",
    );
    expect(await show(all(clock.nowMs()).slice(0, 3))).toBe(true);
    expect(witnessed).toMatchObject({ isBehind: false, standing: { kind: "fresh", size: 4 } });
    expect(admission.admits(contactOf(ana, "ana"))).toBe(true);
    const [signed, , , unsigned] = await witnessed.signatures();
    expect(signed).toMatchObject({ name: "w0.example/w", signedAtMs: clock.nowMs() });
    expect(unsigned).toMatchObject({ name: "w3.example/w", signedAtMs: undefined });
    expect(witnesses).toHaveLength(4);
  });

  it("lets a key that is newer than the signatures wait, and nobody else", async () => {
    const { log, clock, witnessed, show, all, admission } = await start();
    const ana = await log.register("ana");
    await show(all(clock.nowMs()));
    const bo = await log.register("bo");
    await show([]);
    expect(witnessed.isBehind).toBe(true);
    expect(admission.admits(contactOf(ana, "ana"))).toBe(true);
    expect(() => admission.require(contactOf(bo, "bo"))).toThrow(
      "bo has to wait: these keys are new, and your witnesses have not signed the log with them yet",
    );
    witnessed.met(bo.accountId);
    expect(await show(all(clock.nowMs()))).toBe(true);
    expect(witnessed.knows(bo.accountId)).toBe(true);
  });

  it("warns after a day, refuses new keys after seven, goes on with known ones, and heals", async () => {
    const { log, clock, witnessed, open, show, all, admission } = await start();
    const [ana, bo] = [await log.register("ana"), await log.register("bo")];
    await show(all(clock.nowMs()));
    witnessed.met(ana.accountId);
    const warning = () => witnessWarning(witnessed.standing, clock.nowMs());
    clock.jump(DAY_MS - HOUR_MS);
    expect(warning()).toBeUndefined();
    clock.jump(HOUR_MS);
    expect(witnessed.standing.kind).toBe("old");
    expect(warning()).toBe("your witnesses (1 of 1) last signed this server's log a day ago");
    expect(admission.admits(contactOf(bo, "bo"))).toBe(true);
    clock.jump(6 * DAY_MS);
    expect(witnessed.standing.kind).toBe("stale");
    expect(warning()).toMatch(/ 7 days ago: nobody new can be added until they do$/);
    expect(admission.admits(contactOf(bo, "bo"))).toBe(false);
    expect(admission.admits(contactOf(ana, "ana"))).toBe(true);
    expect(open().knows(ana.accountId)).toBe(true);
    expect(await show(all(clock.nowMs()))).toBe(true);
    expect(warning()).toBeUndefined();
    expect(admission.admits(contactOf(bo, "bo"))).toBe(true);
  });

  it("counts no signature from the future, and none of more of the log at an earlier time", async () => {
    const { log, clock, witnessed, show, all } = await start();
    await log.register("ana");
    expect(await show(all(clock.nowMs() + 6 * 60_000))).toBe(false);
    expect(await show(all(clock.nowMs() + 4 * 60_000))).toBe(true);
    await log.register("bo");
    expect(await show(all(clock.nowMs() - HOUR_MS))).toBe(false);
    expect(witnessed.standing).toMatchObject({ size: 4 });
    expect(await show(all(clock.nowMs()))).toBe(true);
    expect(witnessed.standing).toMatchObject({ size: 6 });
  });

  it("asks anew when the witnesses change", async () => {
    const { log, clock, settings, witnessed, show, all } = await start();
    await log.register("ana");
    await show(all(clock.nowMs()));
    const other = await TestWitness.make("other.example/w");
    const file = { title: "Others", witnesses: [{ vkey: other.vkey }] };
    await settings.addFile(await makeTrustFile(clock.nowMs(), file));
    expect(witnessed.standing.kind).toBe("unmet");
    expect(await show([...all(clock.nowMs()), [other, clock.nowMs()]])).toBe(true);
  });

  it("takes a log of the file's origin only under the file's key", async () => {
    const { vkey } = await TestLog.make();
    const { log, clock, witnessed, show, all } = await start({ logs: [vkey] });
    await log.register("ana");
    expect(await show(all(clock.nowMs()))).toBe(false);
    expect(witnessed.standing.kind).toBe("unmet");
  });

  it("takes what stands under a witness's name and is not its signature for nothing", async () => {
    const { log, clock, witnesses, showNote } = await start();
    const [witness] = witnesses;
    if (!witness) throw new Error("a witness");
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const note = await log.checkpoint();
    const other = await log.checkpoint({ size: 1, root: new Uint8Array(32) });
    const line = text(await witness.sign(other, clock.nowMs()))
      .split("\n")
      .at(-2);
    const forged = new TextEncoder().encode(`${text(note)}${line}\n`);
    expect(await showNote(forged)).toBe(false);
    expect(await showNote(await witness.sign(note, clock.nowMs()))).toBe(true);
  });
});

describe("the policy", () => {
  it("strict: only lets in who was checked, in whatever way", async () => {
    const { log, clock, settings, show, all, admission, checks } = await start();
    const bo = contactOf(await log.register("bo"), "bo");
    await show(all(clock.nowMs()));
    expect(admission.admits(bo)).toBe(true);
    settings.setPreset("strict");
    expect(() => admission.require(bo)).toThrow(
      'bo has to wait: your policy "strict" asks that you check each other first',
    );
    expect(admission.isChecked(bo)).toBe(false);
    for (const method of CHECK_METHODS) {
      checks.set(idText(bo.account), method);
      expect(admission.admits(bo), method).toBe(true);
    }
    clock.jump(8 * DAY_MS);
    expect(admission.admits(bo)).toBe(false);
  });

  it("lan: asks for no witness", async () => {
    const { log, settings, show, admission } = await start();
    const bo = contactOf(await log.register("bo"), "bo");
    await show([]);
    expect(admission.admits(bo)).toBe(false);
    expect(admission.needsWitnesses).toBe(true);
    settings.setPreset("lan");
    expect(admission.needsWitnesses).toBe(false);
    expect(admission.admits(bo)).toBe(true);
  });
});
