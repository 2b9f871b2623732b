import { createAccount } from "@parley/trust";
import { verifyForkEvidence } from "@parley/trust/tlog";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "../connection/clock.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { auditAccount } from "./log-audit.ts";
import type { LogForked } from "./log-replica.ts";
import { LogReplica } from "./log-replica.ts";
import { TestLog } from "./test-log.ts";

const silent = { onEntry: () => {} };

async function replicaOf(log: TestLog, store = new MemoryStore()) {
  const replica = new LogReplica({ store, clock: systemClock });
  const sync = async (checkpoint?: Uint8Array) => replica.sync(await log.connection(checkpoint), silent);
  return { replica, sync, store };
}

async function grow(log: TestLog, accounts: number): Promise<void> {
  for (let n = 0; n < accounts; n++) await log.register(`person-${log.entries.length}-${n}`);
}

describe("the replica", () => {
  it("holds every entry, and computes the root at every earlier size", async () => {
    const log = await TestLog.make();
    const { replica, sync } = await replicaOf(log);
    await sync();
    await grow(log, 150);
    await sync();
    await grow(log, 160);
    expect(await sync()).toBe(true);
    const tree = log.tree();
    expect(replica.head).toMatchObject({ size: 622, root: tree.rootAt(622) });
    expect([...replica.records.entries(0, 622)].map(({ entry }) => entry)).toEqual(
      log.entries.map(({ entry }) => entry),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 622 }), async (size) => {
        expect(await replica.rootAt(size)).toEqual(tree.rootAt(size));
      }),
    );
  });

  it("is the same after its store was opened again, and fetches only what is new", async () => {
    const log = await TestLog.make();
    const { sync, store } = await replicaOf(log);
    await grow(log, 3);
    await sync();
    const again = await replicaOf(log, store);
    log.asked = 0;
    expect(await again.sync()).toBe(false);
    expect(log.asked).toBe(0);
    expect(again.replica.head?.size).toBe(8);
  });

  it("is not there for a relay that keeps no log, but then a log cannot vanish", async () => {
    const log = await TestLog.make();
    const { sync, replica } = await replicaOf(log);
    expect(await sync(new Uint8Array())).toBeUndefined();
    expect(replica.head).toBeUndefined();
    await sync();
    await expect(sync(new Uint8Array())).rejects.toMatchObject({ code: "server-rolled-back" });
  });

  it("refuses a log that has become shorter", async () => {
    const log = await TestLog.make();
    const { sync } = await replicaOf(log);
    await grow(log, 2);
    const older = await log.checkpoint({ size: 4 });
    await sync();
    await expect(sync(older)).rejects.toMatchObject({ code: "server-rolled-back" });
  });

  it("refuses a checkpoint that is not of the key which the server's chain names", async () => {
    const [log, other] = [await TestLog.make(), await TestLog.make()];
    const { sync } = await replicaOf(log);
    await expect(sync(await other.checkpoint())).rejects.toMatchObject({ code: "not-a-relay" });
  });

  it("refuses entries that do not lead to the signed root, and takes the true ones afterwards", async () => {
    const log = await TestLog.make();
    const { sync, replica } = await replicaOf(log);
    await grow(log, 200);
    const honest = log.entries;
    const checkpoint = await log.checkpoint();
    const { chain } = await createAccount({ name: "mallory", nowMs: 1_000 });
    log.entries = honest.map((entry, n) => (n === 300 ? { entry: chain[0] ?? entry.entry } : entry));
    await expect(sync(checkpoint)).rejects.toMatchObject({ code: "not-a-relay" });
    expect(replica.head).toBeUndefined();
    log.entries = honest;
    await sync(checkpoint);
    expect(await replica.rootAt(300)).toEqual(log.tree().rootAt(300));
  });

  it.each([
    ["of the same size", 0],
    ["that is larger", 3],
  ])("proves a fork by two signed checkpoints, when it is shown another tree %s", async (_, more) => {
    const log = await TestLog.make();
    const { sync, replica } = await replicaOf(log);
    const before = [...log.entries];
    await grow(log, 2);
    await sync();
    log.entries = before;
    await grow(log, 2 + more);
    const error = (await sync().catch((thrown: unknown) => thrown)) as LogForked;
    expect(error.name).toBe("LogForked");
    const fork = await verifyForkEvidence(error.evidence ?? new Uint8Array(), log.vkey);
    expect([fork.smaller.size, fork.larger.size]).toEqual([6, 6 + 2 * more]);
    expect(replica.head?.size).toBe(6);
  });
});

describe("an account", () => {
  async function audited(
    prepare: (log: TestLog) => Promise<{ chain: readonly Uint8Array[]; account: Uint8Array }>,
  ) {
    const log = await TestLog.make();
    const account = await prepare(log);
    const { replica, sync } = await replicaOf(log);
    await sync();
    return auditAccount(replica.records, { name: "bo", ...account }, 2_000);
  }

  it("passes when it is in the log with its chain, first to claim its name", async () => {
    const finding = await audited(async (log) => {
      const { accountId: account, chain } = await log.register("bo");
      await log.register("bo");
      return { account, chain };
    });
    expect(finding).toBeUndefined();
  });

  it("fails when it is not in the log", async () => {
    const finding = await audited(async () => {
      const { accountId: account, chain } = await createAccount({ name: "bo", nowMs: 1_000 });
      return { account, chain };
    });
    expect(finding).toEqual({ kind: "behind" });
  });

  it("fails when the log has a newer chain", async () => {
    const finding = await audited(async (log) => {
      const { accountId: account, chain } = await log.register("bo");
      return { account, chain: chain.slice(0, 1) };
    });
    expect(finding).toEqual({ kind: "ahead" });
  });

  it("fails when its name is hidden in the log", async () => {
    const finding = await audited(async (log) => {
      const { accountId: account, chain } = await log.register("bo", { hidden: true });
      return { account, chain };
    });
    expect(finding).toEqual({ kind: "hidden-name" });
  });

  it("fails when another account claimed its name before", async () => {
    const finding = await audited(async (log) => {
      await log.register("bo");
      const { accountId: account, chain } = await log.register("bo");
      return { account, chain };
    });
    expect(finding).toMatchObject({ kind: "name-claimed" });
  });
});
