import { describe, expect, it } from "vitest";
import { HandTurnedClock } from "../connection/hand-turned-clock.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { makeAdmin, makeTrustFile, TestWitness } from "./test-witness.ts";
import { TrustSettings } from "./trust-settings.ts";

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

function start() {
  const [store, clock] = [new MemoryStore(), new HandTurnedClock()];
  return { store, clock, settings: new TrustSettings({ store, clock }) };
}

async function makeWitnesses(count: number) {
  const made = [];
  for (let n = 0; n < count; n++) made.push(await TestWitness.make(`w${n}.example/w`));
  return made.map(({ vkey }) => ({ vkey }));
}

describe("the trust settings", () => {
  it("begin with the preset friends and no witness, and are the same when they are opened again", async () => {
    const { store, clock, settings } = start();
    expect(settings).toMatchObject({ preset: "friends", files: [], witnesses: undefined });
    settings.setPreset("strict");
    await settings.addFile(await makeTrustFile(clock.nowMs(), { witnesses: await makeWitnesses(4) }));
    const again = new TrustSettings({ store, clock });
    expect(again.preset).toBe("strict");
    expect(again.files).toEqual(settings.files);
    expect(again.witnesses).toMatchObject({ text: "3 of 4", id: settings.witnesses?.id });
  });

  it.each([
    [2, 1],
    [4, 2],
    [5, 2],
  ])("refuse a quorum of %i witnesses that %i can meet, with the reason", async (count, quorum) => {
    const { clock, settings } = start();
    const file = await makeTrustFile(clock.nowMs(), { witnesses: await makeWitnesses(count), quorum });
    await expect(settings.addFile(file)).rejects.toMatchObject({
      code: "not-allowed",
      message: expect.stringContaining(`${quorum} of ${count} witnesses is too few: half of them can sign`),
    });
    expect(settings.files).toEqual([]);
  });

  it("ask for each file's quorum, and count a witness of two files once", async () => {
    const { clock, settings } = start();
    const [one, two, three] = await makeWitnesses(3);
    if (!one || !two || !three) throw new Error("three witnesses");
    await settings.addFile(await makeTrustFile(clock.nowMs(), { title: "A", witnesses: [one, two] }));
    await settings.addFile(await makeTrustFile(clock.nowMs(), { title: "B", witnesses: [two, three] }));
    expect(settings.witnesses?.text).toBe("2 of 2 and 2 of 2");
    expect(settings.witnesses?.policy.witnesses).toHaveLength(3);
  });

  it("put a newer file in the place of the one of its title, and never an older", async () => {
    const { clock, settings } = start();
    const [nowMs, witnesses] = [clock.nowMs(), await makeWitnesses(1)];
    await settings.addFile(await makeTrustFile(nowMs, { witnesses }));
    const older = await makeTrustFile(nowMs - 1, { witnesses: [] });
    await expect(settings.addFile(older)).rejects.toMatchObject({ code: "trust-file-stale" });
    const before = settings.witnesses;
    await settings.addFile(await makeTrustFile(nowMs + 1, { witnesses: await makeWitnesses(1) }));
    expect(settings.files).toHaveLength(1);
    expect(settings.witnesses?.id).not.toBe(before?.id);
  });

  it("pin who may replace a file, when that was asked for", async () => {
    const { clock, settings } = start();
    const [admin, other] = [await makeAdmin(), await makeAdmin()];
    const fileOf = (by: typeof admin, issuedAtMs = clock.nowMs()) => makeTrustFile(issuedAtMs, {}, by);
    await expect(settings.addFile(await fileOf(other), [admin.vkey])).rejects.toMatchObject({
      code: "trust-file-signature",
    });
    await settings.addFile(await fileOf(admin), [admin.vkey]);
    const later = clock.nowMs() + 1;
    await expect(settings.addFile(await fileOf(other, later))).rejects.toMatchObject({
      code: "trust-file-signature",
    });
    await expect(settings.addFile(await fileOf(other, later), [other.vkey])).rejects.toMatchObject({
      code: "trust-file-signature",
    });
    await settings.addFile(await fileOf(admin, later));
    expect(settings.files[0]?.issuedAtMs).toBe(later);
  });

  it("keep asking for the witnesses of a file that is over, and believe it in nothing else", async () => {
    const { clock, settings } = start();
    const servers = [{ host: "chat.example.org", serverId: new Uint8Array(32) }];
    await settings.addFile(
      await makeTrustFile(clock.nowMs(), { servers, witnesses: await makeWitnesses(1) }),
    );
    expect(settings.currentFiles).toHaveLength(1);
    clock.jump(YEAR_MS);
    expect(settings.currentFiles).toEqual([]);
    expect(settings.witnesses?.text).toBe("1 of 1");
  });

  it("refuse what is no trust file", async () => {
    const { settings } = start();
    const text = new TextEncoder().encode("hello\n\n— x AAAAAAA=\n");
    await expect(settings.addFile(text)).rejects.toMatchObject({ code: "trust-file-malformed" });
    await expect(settings.addFile(new Uint8Array(3))).rejects.toMatchObject({ code: "trust-file-malformed" });
  });
});
