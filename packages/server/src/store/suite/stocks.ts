import { LIMITS } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import type { KeyPackagePut } from "../contract.ts";
import { KEY_PACKAGE_MEMORY_MS } from "../contract.ts";
import type { StoreUnderTest } from "./fixtures.ts";
import { alice, append, bob, bytes, expectRefusal, room, START_MS } from "./fixtures.ts";

const keyPackage = (seed: number | string) => bytes(120, `key package ${seed}`);

function put(seeds: readonly (number | string)[], changes: Partial<KeyPackagePut> = {}): KeyPackagePut {
  return { device: alice, packages: seeds.map(keyPackage), nowMs: START_MS, ...changes };
}

/** Key packages, the server's own records, and the store as a whole. */
export function describeStocks(subject: () => StoreUnderTest): void {
  describe("key packages", () => {
    it("are each handed out once, oldest first, then the last-resort one again and again", async () => {
      const { store } = subject();
      expect(await store.takeKeyPackage(alice, START_MS)).toBeUndefined();
      expect(await store.putKeyPackages(put([1, 2, 3], { lastResort: keyPackage("last") }))).toBe(3);
      const taken = await Promise.all(Array.from({ length: 5 }, () => store.takeKeyPackage(alice, START_MS)));
      expect(taken).toEqual([
        ...[1, 2, 3].map((n) => ({ keyPackage: keyPackage(n), lastResort: false })),
        ...[0, 0].map(() => ({ keyPackage: keyPackage("last"), lastResort: true })),
      ]);
      expect(await store.keyPackageStock(alice)).toBe(0);
      expect(await store.takeKeyPackage(bob, START_MS)).toBeUndefined();
    });

    it("put a second time are not added, in stock or handed out, over a restart too", async () => {
      const under = subject();
      await under.store.putKeyPackages(put([1, 2]));
      await under.store.takeKeyPackage(alice, START_MS);
      const store = await under.reopen();
      expect(await store.putKeyPackages(put([1, 2, 2, 3]))).toBe(2);
      const taken = [
        await store.takeKeyPackage(alice, START_MS),
        await store.takeKeyPackage(alice, START_MS),
      ];
      expect(taken.map((it) => it?.keyPackage)).toEqual([keyPackage(2), keyPackage(3)]);
      await store.expire(START_MS + KEY_PACKAGE_MEMORY_MS - 1);
      expect(await store.putKeyPackages(put([1, 2, 3]))).toBe(0);
    });

    it("are limited in size and number", async () => {
      const { store } = subject();
      const many = Array.from({ length: LIMITS.keyPackageStock }, (_, n) => n);
      expect(await store.putKeyPackages(put(many))).toBe(LIMITS.keyPackageStock);
      await expectRefusal(store.putKeyPackages(put(["more"])), "too-large");
      await store.takeKeyPackage(alice, START_MS);
      expect(await store.putKeyPackages(put(["more"]))).toBe(LIMITS.keyPackageStock);
      const huge = new Uint8Array(LIMITS.keyPackageBytes + 1);
      await expectRefusal(store.putKeyPackages(put([], { device: bob, packages: [huge] })), "too-large");
      await expectRefusal(store.putKeyPackages(put([], { device: bob, lastResort: huge })), "too-large");
    });

    it("replace the last-resort one when another is put", async () => {
      const { store } = subject();
      await store.putKeyPackages(put([], { lastResort: keyPackage("a") }));
      await store.putKeyPackages(put([], { lastResort: keyPackage("b") }));
      await store.putKeyPackages(put([]));
      expect(await store.takeKeyPackage(alice, START_MS)).toEqual({
        keyPackage: keyPackage("b"),
        lastResort: true,
      });
    });

    it("of a revoked device are all gone", async () => {
      const { store } = subject();
      await store.putKeyPackages(put([1, 2], { lastResort: keyPackage("last") }));
      await store.clearKeyPackages(alice, START_MS);
      expect(await store.keyPackageStock(alice)).toBe(0);
      expect(await store.takeKeyPackage(alice, START_MS)).toBeUndefined();
      expect((await store.usage()).keyPackages).toBe(0);
    });

    it("of an earlier restore generation are never handed out, nor taken in again", async () => {
      const { store } = subject();
      await store.putKeyPackages(put([1, 2], { lastResort: keyPackage("last") }));
      await store.bumpGeneration();
      expect(await store.keyPackageStock(alice)).toBe(0);
      expect((await store.takeKeyPackage(alice, START_MS))?.lastResort).toBe(true);
      expect(await store.putKeyPackages(put([1, 2, 3]))).toBe(1);
      await store.expire(START_MS);
      expect((await store.takeKeyPackage(alice, START_MS))?.keyPackage).toEqual(keyPackage(3));
    });
  });

  describe("server records", () => {
    it("are replaced by compare-and-swap", async () => {
      const under = subject();
      const { store } = under;
      expect(await store.getRecord("identity")).toBeUndefined();
      expect(await store.putRecord("identity", 1, bytes(5, 1))).toBeUndefined();
      const puts = [1, 2].map((n) => store.putRecord("identity", 0, bytes(5, n)));
      expect(await Promise.all(puts)).toEqual([1, undefined]);
      expect(await store.putRecord("identity", 0, bytes(5, 1))).toBe(1);
      expect(await store.putRecord("identity", 1, new Uint8Array(0))).toBe(2);
      expect(await store.putRecord("identity", 0, bytes(5, 1))).toBeUndefined();
      const reopened = await under.reopen();
      expect(await reopened.getRecord("identity")).toEqual({ version: 2, bytes: new Uint8Array(0) });
      expect(await reopened.getRecord("other")).toBeUndefined();
    });

    it("count the restore generation from 1, over a restart too", async () => {
      const under = subject();
      expect(await under.store.generation()).toBe(1);
      expect(await under.store.bumpGeneration()).toBe(2);
      const reopened = await under.reopen();
      expect(await reopened.generation()).toBe(2);
      expect(await reopened.bumpGeneration(1)).toBe(3);
      expect(await reopened.bumpGeneration(70)).toBe(70);
    });
  });

  describe("the store", () => {
    it("tells how much it holds", async () => {
      const { store } = subject();
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      await store.append(append(1));
      await store.append(append(2));
      await store.putKeyPackages(put([1]));
      const { storageBytes, ...counts } = await store.usage();
      expect(counts).toEqual({ accounts: 0, rooms: 1, entries: 2, inboxItems: 0, keyPackages: 1 });
      expect(storageBytes).toBeGreaterThan(0);
    });

    it("is healthy while it can write", async () => {
      await subject().store.checkHealth();
    });

    it("finishes what was asked before it closes, and refuses what comes later", async () => {
      const under = subject();
      const { store } = under;
      const asked = [
        store.createRoom({ room, creator: alice, nowMs: START_MS }),
        ...Array.from({ length: 2000 }, (_, n) => store.append(append(n))),
      ];
      await Promise.all([store.close(), store.close()]);
      await Promise.all(asked);
      await expectRefusal(store.append(append("late")), "shutting-down");
      await expectRefusal(store.roomRecord(room), "shutting-down");
      expect((await (await under.reopen()).roomRecord(room))?.headSeq).toBe(2000);
    });
  });
}
