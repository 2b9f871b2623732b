import { sha256 } from "@noble/hashes/sha2.js";
import { describe, expect, it } from "vitest";
import type { RelayConnection } from "../connection/connection.ts";
import { HandTurnedClock } from "../connection/hand-turned-clock.ts";
import { TrustSettings } from "../policy/trust-settings.ts";
import { ChangeSet } from "../rooms/room-record.ts";
import { MemoryStore } from "../store/memory-store.ts";
import type { LogAlarm, TreeHead } from "./log-watch.ts";
import { LogWatch } from "./log-watch.ts";
import { TestLog } from "./test-log.ts";

const MINUTE_MS = 60_000;
const originHash = sha256(new TextEncoder().encode("chat.example.org/parley"));

/** Somebody's watch of a log in which they are registered. */
async function start({ log, name = "ana" }: { readonly log: TestLog; readonly name?: string }) {
  const { accountId: account, chain } = await log.register(name);
  const store = new MemoryStore();
  const clock = new HandTurnedClock();
  const told: string[] = [];
  const sent: LogAlarm[] = [];
  const changed: (() => void)[] = [];
  const note = () => {
    for (const wake of changed.splice(0)) wake();
  };
  let connection: RelayConnection = await log.connection();
  const watch = new LogWatch({
    store,
    clock,
    settings: new TrustSettings({ store, clock }),
    me: { account, name },
    ownChain: () => chain,
    connection: () => connection,
    tell(text, room) {
      told.push(room === undefined ? text : `${room}: ${text}`);
      note();
    },
    send(alarm) {
      sent.push(alarm);
      note();
    },
    keepEvidence: () => "in a file",
    onChange: note,
    onWitnessed: note,
    onFault(error) {
      throw error;
    },
  });
  const connect = async (shown?: Uint8Array) => {
    connection = await log.connection(shown);
    await watch.connected(connection);
  };
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise<void>((resolve) => changed.push(resolve));
  };
  const gossip = () => {
    const changes = new ChangeSet();
    const tree = watch.gossipFor("garden", changes);
    store.write(changes.list());
    return tree;
  };
  await connect();
  return { log, store, clock, watch, told, sent, connect, until, gossip };
}

describe("gossip", () => {
  it("goes into the first message to a room, and then at most one an hour", async () => {
    const { clock, gossip, watch } = await start({ log: await TestLog.make() });
    const view = { originHash, ...watch.view };
    expect(gossip()).toEqual(view);
    expect(gossip()).toBeUndefined();
    await clock.turn(59 * MINUTE_MS);
    expect(gossip()).toBeUndefined();
    await clock.turn(MINUTE_MS);
    expect(gossip()).toEqual(view);
  });

  it("that fits says nothing, also when this device has to sync first", async () => {
    const { log, watch, told, sent } = await start({ log: await TestLog.make() });
    const smaller: TreeHead = { originHash, size: 3, root: log.tree().rootAt(3) };
    await log.register("bo");
    const larger: TreeHead = { originHash, size: 6, root: log.tree().rootAt(6) };
    watch.heard("garden", "bo", smaller);
    watch.heard("garden", "bo", larger);
    expect(await watch.agrees(larger)).toBe(true);
    expect(watch.view?.size).toBe(6);
    expect([told, sent]).toEqual([[], []]);
  });

  it("that does not fit is told in that room and answered with what the log signed, but freezes nothing", async () => {
    const { log, watch, told, sent, until } = await start({ log: await TestLog.make() });
    const made: TreeHead = { originHash, size: 3, root: new Uint8Array(32) };
    watch.heard("garden", "bo", made);
    await until(() => sent.length > 0);
    watch.heard("garden", "bo", made);
    expect(await watch.agrees(made)).toBe(false);
    expect(told).toEqual([
      "garden: bo was shown another log of this server than you; the two are being compared",
    ]);
    expect(sent).toEqual([{ note: await log.checkpoint(), evidence: undefined }]);
    expect(watch.alarms).toEqual([]);
    watch.requireUnfrozen();
  });
});

describe("an alarm from a member", () => {
  it("with a checkpoint that the log signed for another tree is proof, and goes to every room", async () => {
    const { log, watch, told, sent, until } = await start({ log: await TestLog.make() });
    const note = await log.checkpoint({ size: 3, root: new Uint8Array(32).fill(7) });
    watch.heardAlarm("garden", "bo", { note });
    await until(() => sent.length > 0);
    expect(watch.evidence).toBeDefined();
    expect(sent).toEqual([{ note: await log.checkpoint(), evidence: watch.evidence }]);
    expect(told).toEqual([`ALARM: ${watch.alarms[0]}`]);
    expect(watch.alarms).toHaveLength(1);
    expect(() => watch.requireUnfrozen()).toThrow("nobody can be added now");
  });

  it("with proof made by somebody else is believed when it is about this log, and not sent on", async () => {
    const log = await TestLog.make();
    const ana = await start({ log });
    const bo = await start({ log, name: "bo" });
    const stranger = await start({ log: await TestLog.make() });
    const note = await log.checkpoint({ size: 3, root: new Uint8Array(32).fill(7) });
    ana.watch.heardAlarm("garden", "bo", { note });
    await ana.until(() => ana.sent.length > 0);
    const evidence = ana.watch.evidence ?? new Uint8Array();
    bo.watch.heardAlarm("garden", "ana", { note, evidence });
    await bo.until(() => bo.watch.alarms.length > 0);
    expect(bo.watch.evidence).toEqual(evidence);
    expect(bo.sent).toEqual([]);
    stranger.watch.heardAlarm("garden", "ana", { note, evidence });
    expect(await stranger.watch.agrees({ size: 0, root: sha256(new Uint8Array()) })).toBe(true);
    expect(stranger.watch.alarms).toEqual([]);
  });

  it("with anything else changes nothing", async () => {
    const { watch, told, sent } = await start({ log: await TestLog.make() });
    const junk = new TextEncoder().encode("junk");
    watch.heardAlarm("garden", "bo", { note: junk });
    watch.heardAlarm("garden", "bo", { note: junk, evidence: junk });
    watch.heardAlarm("garden", "bo", { note: await (await TestLog.make()).checkpoint() });
    expect(await watch.agrees({ size: 0, root: sha256(new Uint8Array()) })).toBe(true);
    expect([told, sent, watch.alarms]).toEqual([[], [], []]);
  });
});

describe("the watch", () => {
  it("raises each alarm once, and still has it when the store is opened again", async () => {
    const { log, store, watch, told, connect } = await start({ log: await TestLog.make() });
    await log.register("mallory", { hidden: true });
    await connect();
    await connect();
    expect(told).toHaveLength(1);
    expect(watch.alarms[0]).toMatch(/^the server hides the name of account/);
    const again = new LogWatch({
      store,
      clock: new HandTurnedClock(),
      settings: new TrustSettings({ store, clock: new HandTurnedClock() }),
      me: { account: new Uint8Array(32), name: "ana" },
      ownChain: () => undefined,
      connection: () => undefined,
      tell: () => {},
      send: () => {},
      keepEvidence: () => "",
      onChange: () => {},
      onWitnessed: () => {},
      onFault: () => {},
    });
    expect(again.alarms).toEqual(watch.alarms);
  });

  it("tells of somebody who claims one's own name", async () => {
    const { log, watch, connect } = await start({ log: await TestLog.make() });
    await log.register("ana");
    await connect();
    expect(watch.alarms).toEqual([expect.stringMatching(/^account [0-9a-f]{8} claims your name ana/)]);
  });

  it("syncs now and then while it is connected", async () => {
    const { log, clock, watch, until } = await start({ log: await TestLog.make() });
    await log.register("mallory", { hidden: true });
    await clock.turn(10 * MINUTE_MS);
    await until(() => watch.alarms.length > 0);
    watch.disconnected();
  });
});
