import { decodeRoomLogEntry, LIMITS } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import type { StoreUnderTest } from "./fixtures.ts";
import {
  adding,
  alice,
  append,
  bob,
  bytes,
  carol,
  commit,
  DAY_MS,
  device,
  EVERYTHING,
  expectChained,
  expectRefusal,
  namesOf,
  room,
  roomOfThree,
  rosterOf,
  START_MS,
} from "./fixtures.ts";

/** Commits, replacements and the Welcomes that go with them. */
export function describeCommits(subject: () => StoreUnderTest): void {
  describe("commits", () => {
    it("accepts one of the commits that race for an epoch and tells the others who won", async () => {
      const { store } = subject();
      await roomOfThree(store);
      const [won, ...lost] = [alice, bob, carol].map((sender, n) =>
        store.acceptCommit(commit(n, { sender, epoch: 1 })),
      );
      for (const loser of lost) await expectRefusal(loser, "epoch-conflict", { winnerSeq: 2, epoch: 2 });
      expect(await won).toMatchObject({ seq: 2, duplicate: false });
      await store.acceptCommit(commit("next", { epoch: 2 }));
      const late = store.acceptCommit(commit("late", { sender: bob, epoch: 1 }));
      await expectRefusal(late, "epoch-conflict", { winnerSeq: 2, epoch: 3 });
      expect(await expectChained(store)).toHaveLength(3);
    });

    it("refuses a commit of an epoch that the room has not reached", async () => {
      const { store } = subject();
      await roomOfThree(store);
      await expectRefusal(store.acceptCommit(commit(1, { epoch: 2 })), "stale-epoch", { epoch: 1 });
    });

    it("moves epoch, roster, tree and GroupInfo with the entry", async () => {
      const { store } = subject();
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      const added = await store.acceptCommit(commit(1, { added: adding(bob, carol) }));
      expect(namesOf(added.joined)).toEqual(namesOf([bob, carol]));
      expect(added.left).toEqual([]);
      expect(await rosterOf(store)).toEqual(namesOf([alice, bob, carol]));
      expect((await store.ratchetTree(room, 1))?.bytes).toEqual(bytes(90, "tree 1"));
      expect(await store.groupInfo(room)).toMatchObject({ epoch: 1, bytes: bytes(100, "group info 1") });

      const removed = await store.acceptCommit(commit(2, { epoch: 1, removed: [bob] }));
      expect(removed).toMatchObject({ seq: 2, joined: [], left: [bob] });
      expect(await rosterOf(store)).toEqual(namesOf([alice, carol]));
      expect(await store.isOnRoster(room, bob)).toBe(false);
      expect(await store.ratchetTree(room, 2)).toBeUndefined();
      expect(await store.ratchetTree(room, 1)).toBeDefined();
      expect(await store.groupInfo(room)).toMatchObject({ epoch: 2, bytes: bytes(100, "group info 2") });
      const entry = decodeRoomLogEntry((await expectChained(store))[1] as Uint8Array);
      expect(entry).toMatchObject({ kind: "commit", epoch: 1, replaces: 0, removed: [bob] });
    });

    it("leaves a device in place that is both removed and added (a rejoin)", async () => {
      const { store } = subject();
      await roomOfThree(store);
      const rejoined = commit(1, { sender: bob, epoch: 1, removed: [bob], added: adding(bob) });
      expect(await store.acceptCommit(rejoined)).toMatchObject({ joined: [], left: [] });
      expect(await rosterOf(store)).toEqual(namesOf([alice, bob, carol]));
    });

    it("ignores the removal of a device that was never there", async () => {
      const { store } = subject();
      await roomOfThree(store);
      expect(await store.acceptCommit(commit(1, { epoch: 1, removed: [device("x")] }))).toMatchObject({
        left: [],
      });
    });

    it("lets a removed device in again", async () => {
      const { store } = subject();
      await roomOfThree(store);
      await store.acceptCommit(commit(1, { epoch: 1, removed: [bob] }));
      expect(await store.acceptCommit(commit(2, { epoch: 2, added: adding(bob) }))).toMatchObject({
        joined: [bob],
      });
      expect(await store.append(append(3, { sender: bob, epoch: 3 }))).toMatchObject({ seq: 4 });
    });

    it("refuses what is above a limit or malformed, and changes nothing", async () => {
      const { store } = subject();
      await roomOfThree(store);
      const tooMany = Array.from({ length: LIMITS.addsPerCommit + 1 }, (_, n) => device(n));
      const attempt = (changes: Parameters<typeof commit>[1]) =>
        store.acceptCommit(commit(1, { epoch: 1, ...changes }));
      await expectRefusal(attempt({ added: adding(...tooMany) }), "too-large");
      await expectRefusal(attempt({ message: new Uint8Array(LIMITS.commitBytes + 1) }), "too-large");
      await expectRefusal(attempt({ ratchetTree: new Uint8Array(LIMITS.treeBytes + 1) }), "too-large");
      await expectRefusal(attempt({ groupInfo: new Uint8Array(LIMITS.treeBytes + 1) }), "too-large");
      const item = new Uint8Array(LIMITS.inboxItemBytes + 1);
      await expectRefusal(attempt({ added: [{ device: device(1), item }] }), "too-large");
      await expectRefusal(attempt({ added: adding(device(1), device(1)) }), "malformed");
      await expectRefusal(attempt({ removed: [{ account: new Uint8Array(3), device: 1 }] }), "malformed");
      expect(await store.roomRecord(room)).toMatchObject({ epoch: 1, headSeq: 1 });
      expect(await rosterOf(store)).toHaveLength(3);
    });

    it("refuses to grow a roster beyond its limit", async () => {
      const { store } = subject();
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      for (let epoch = 0; epoch < 9; epoch++) {
        const devices = Array.from({ length: 100 }, (_, n) => device(epoch, n + 1));
        await store.acceptCommit(commit(epoch, { epoch, added: adding(...devices) }));
      }
      const hundred = Array.from({ length: 100 }, (_, n) => device("last", n + 1));
      await expectRefusal(
        store.acceptCommit(commit(9, { epoch: 9, added: adding(...hundred) })),
        "too-large",
      );
      await store.acceptCommit(commit(9, { epoch: 9, added: adding(...hundred.slice(1)) }));
      expect(await rosterOf(store)).toHaveLength(LIMITS.roomDevices);
    });

    it("keeps the last GroupInfo and each tree apart over a restart", async () => {
      const under = subject();
      await roomOfThree(under.store);
      await under.store.acceptCommit(commit("more", { epoch: 1, added: adding(device("dave")) }));
      const store = await under.reopen();
      expect((await store.ratchetTree(room, 1))?.bytes).toEqual(bytes(90, "tree three"));
      expect((await store.ratchetTree(room, 2))?.bytes).toEqual(bytes(90, "tree more"));
      expect(await store.groupInfo(room)).toMatchObject({ epoch: 2, bytes: bytes(100, "group info more") });
    });

    it("keeps a tree for 45 days", async () => {
      const { store } = subject();
      await roomOfThree(store);
      await store.expire(START_MS + 45 * DAY_MS - 1);
      expect(await store.ratchetTree(room, 1)).toBeDefined();
      await store.expire(START_MS + 45 * DAY_MS);
      expect(await store.ratchetTree(room, 1)).toBeUndefined();
    });
  });

  describe("replacement commits", () => {
    it("stand in for the commit of an epoch without ending another", async () => {
      const { store } = subject();
      await roomOfThree(store);
      await store.acceptCommit(commit("bad", { sender: bob, epoch: 1 }));
      const replaced = await store.acceptCommit(commit("good", { sender: carol, epoch: 1, replaces: 2 }));
      expect(replaced).toMatchObject({ seq: 3, duplicate: false });
      expect(decodeRoomLogEntry(replaced.entry)).toMatchObject({ kind: "commit", epoch: 1, replaces: 2 });
      expect(await store.roomRecord(room)).toMatchObject({ epoch: 2, headSeq: 3 });
      expect(await store.groupInfo(room)).toMatchObject({ epoch: 2, bytes: bytes(100, "group info good") });
      await store.append(append(1, { epoch: 2 }));
      expect(await expectChained(store)).toHaveLength(4);
    });

    it("are accepted after messages of the new epoch", async () => {
      const { store } = subject();
      await roomOfThree(store);
      await store.acceptCommit(commit("bad", { sender: bob, epoch: 1 }));
      await store.append(append(1, { sender: bob, epoch: 2 }));
      expect(await store.acceptCommit(commit("good", { epoch: 1, replaces: 2 }))).toMatchObject({ seq: 4 });
    });

    it("win once: the second is told of the first, and may replace that", async () => {
      const { store } = subject();
      await roomOfThree(store);
      await store.acceptCommit(commit("bad", { sender: bob, epoch: 1 }));
      await store.acceptCommit(commit("good", { epoch: 1, replaces: 2 }));
      const second = commit("second", { sender: carol, epoch: 1, replaces: 2 });
      await expectRefusal(store.acceptCommit(second), "epoch-conflict", { winnerSeq: 3, epoch: 2 });
      const plain = commit("plain", { sender: carol, epoch: 1 });
      await expectRefusal(store.acceptCommit(plain), "epoch-conflict", { winnerSeq: 3, epoch: 2 });
      expect(await store.acceptCommit({ ...second, replaces: 3 })).toMatchObject({ seq: 4 });
    });

    it("are refused for anything but the commit that stands for the last epoch", async () => {
      const { store } = subject();
      await roomOfThree(store);
      await store.append(append(1, { epoch: 1 }));
      await store.acceptCommit(commit("two", { epoch: 1 }));
      const attempt = (epoch: number, replaces: number) =>
        store.acceptCommit(commit("x", { epoch, replaces }));
      await expectRefusal(attempt(0, 1), "epoch-conflict", { winnerSeq: 1, epoch: 2 });
      await expectRefusal(attempt(1, 1), "epoch-conflict", { winnerSeq: 3, epoch: 2 });
      await expectRefusal(attempt(1, 2), "epoch-conflict", { winnerSeq: 3, epoch: 2 });
      await expectRefusal(attempt(1, 9), "epoch-conflict", { winnerSeq: 3, epoch: 2 });
      await expectRefusal(attempt(2, 3), "epoch-conflict", { winnerSeq: 0, epoch: 2 });
      await expectRefusal(attempt(3, 3), "stale-epoch", { epoch: 2 });
      expect(await attempt(1, 3)).toMatchObject({ seq: 4 });
    });

    it("bring back those whom the replaced commit removed, and keep those whom it added", async () => {
      const { store } = subject();
      const dave = device("dave");
      await roomOfThree(store);
      await store.acceptCommit(
        commit("bad", { sender: bob, epoch: 1, removed: [alice, carol], added: adding(dave) }),
      );
      const good = await store.acceptCommit(
        commit("good", { sender: alice, epoch: 1, replaces: 2, removed: [bob] }),
      );
      expect(namesOf(good.joined)).toEqual(namesOf([alice, carol]));
      expect(good.left).toEqual([bob]);
      expect(await rosterOf(store)).toEqual(namesOf([alice, carol, dave]));
    });

    it("may remove again, may drop what was added, and may be replaced by whom they removed", async () => {
      const { store } = subject();
      const dave = device("dave");
      await roomOfThree(store);
      await store.acceptCommit(
        commit("bad", { sender: bob, epoch: 1, removed: [carol], added: adding(dave) }),
      );
      const again = commit("again", { sender: alice, epoch: 1, replaces: 2, removed: [carol, dave] });
      expect(await store.acceptCommit(again)).toMatchObject({ joined: [], left: [dave] });
      expect(await rosterOf(store)).toEqual(namesOf([alice, bob]));
      const last = commit("last", { sender: carol, epoch: 1, replaces: 3 });
      expect(namesOf((await store.acceptCommit(last)).joined)).toEqual(namesOf([carol, dave]));
    });

    it("are refused to a device that left the room earlier, and to strangers", async () => {
      const { store } = subject();
      await roomOfThree(store);
      await store.acceptCommit(commit(1, { epoch: 1, removed: [carol] }));
      await store.acceptCommit(commit(2, { epoch: 2 }));
      const attempt = (who: typeof carol) =>
        store.acceptCommit(commit("x", { sender: who, epoch: 2, replaces: 3 }));
      await expectRefusal(attempt(carol), "forbidden");
      await expectRefusal(attempt(device("mallory")), "not-found");
    });
  });

  describe("Welcomes", () => {
    it("wait in the room and go into each inbox exactly once", async () => {
      const { store } = subject();
      await roomOfThree(store);
      expect((await store.pendingDeliveries()).map((it) => it.toHex())).toEqual([room.toHex()]);
      expect(await store.readInbox(bob, 0, EVERYTHING)).toEqual([]);
      const [first, second] = await Promise.all([store.deliverPending(room), store.deliverPending(room)]);
      expect(namesOf(first.map((it) => it.device))).toEqual(namesOf([bob, carol]));
      expect(second).toEqual([]);
      expect(await store.pendingDeliveries()).toEqual([]);
      const [welcome] = adding(bob);
      expect(await store.readInbox(bob, 0, EVERYTHING)).toEqual([
        { seq: 1, from: alice, receivedAtMs: START_MS, item: welcome?.item },
      ]);
    });

    it("wait over a restart", async () => {
      const under = subject();
      await roomOfThree(under.store);
      const store = await under.reopen();
      expect(await store.pendingDeliveries()).toHaveLength(1);
      expect(await store.deliverPending(room)).toHaveLength(2);
      expect(await store.deliverPending(room)).toEqual([]);
    });

    it("of two commits for one device are two items", async () => {
      const { store } = subject();
      await roomOfThree(store);
      await store.acceptCommit(
        commit("rejoin", { sender: bob, epoch: 1, removed: [bob], added: adding(bob) }),
      );
      await store.deliverPending(room);
      expect((await store.readInbox(bob, 0, EVERYTHING)).map(({ seq }) => seq)).toEqual([1, 2]);
    });

    it("that nobody delivered for 45 days are forgotten", async () => {
      const { store } = subject();
      await roomOfThree(store);
      await store.expire(START_MS + 45 * DAY_MS);
      expect(await store.pendingDeliveries()).toEqual([]);
    });
  });
}
