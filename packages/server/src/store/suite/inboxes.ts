import { LIMITS } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import type { InboxPost } from "../contract.ts";
import type { StoreUnderTest } from "./fixtures.ts";
import { alice, bob, bytes, DAY_MS, device, EVERYTHING, expectRefusal, START_MS } from "./fixtures.ts";

function post(seed: number | string, changes: Partial<InboxPost> = {}): InboxPost {
  const item = bytes(50, `item ${seed}`);
  return { device: alice, from: bob, item, dedupeKey: bytes(32, `key ${seed}`), nowMs: START_MS, ...changes };
}

/** Inboxes of devices. */
export function describeInboxes(subject: () => StoreUnderTest): void {
  describe("inboxes", () => {
    it("number the items of each device from 1", async () => {
      const { store } = subject();
      const posts = [post(1), post(2), post(3, { device: device("alice", 2) })];
      const seqs = (await Promise.all(posts.map((it) => store.appendInbox(it)))).map(({ seq }) => seq);
      expect(seqs).toEqual([1, 2, 1]);
      expect(await store.readInbox(alice, 1, EVERYTHING)).toEqual([
        { seq: 2, from: bob, receivedAtMs: START_MS, item: bytes(50, "item 2") },
      ]);
      expect(await store.readInbox(device("nobody"), 0, EVERYTHING)).toEqual([]);
    });

    it("go on at numbers that are new, once a backup was put back: for devices that were there and others", async () => {
      const { store } = subject();
      const later = device("later", 1);
      await store.appendInbox(post(1));
      await store.bumpGeneration();
      const [known, unknown] = await Promise.all([
        store.appendInbox(post(2)),
        store.appendInbox(post(3, { device: later })),
      ]);
      for (const { seq } of [known, unknown]) expect(seq).toBeGreaterThan(1_000_000);
      expect((await store.readInbox(alice, 1000, EVERYTHING)).map(({ seq }) => seq)).toEqual([known?.seq]);
      expect((await store.appendInbox(post(4))).seq).toBe((known?.seq ?? 0) + 1);
    });

    it("take nothing over the quota of their account, until something was taken out", async () => {
      const { store } = subject();
      await store.appendInbox(post(1, { quotaBytes: 100 }));
      await store.appendInbox(post(2, { device: device("alice", 2), quotaBytes: 100 }));
      await expectRefusal(store.appendInbox(post(3, { quotaBytes: 100 })), "over-quota");
      expect((await store.storedBytes(alice.account)).inboxBytes).toBe(100);
      expect(await store.appendInbox(post(1, { quotaBytes: 0 }))).toMatchObject({ duplicate: true });
      await store.acknowledgeInbox(alice, 1);
      await store.appendInbox(post(3, { quotaBytes: 100 }));
    });

    it("take an item once for a dedupe key, even after it was acknowledged", async () => {
      const { store } = subject();
      const [first, second] = await Promise.all([store.appendInbox(post(1)), store.appendInbox(post(1))]);
      expect(first).toEqual({ seq: 1, receivedAtMs: START_MS, duplicate: false });
      expect(second).toEqual({ seq: 1, receivedAtMs: START_MS, duplicate: true });
      await store.acknowledgeInbox(alice, 1);
      expect(await store.appendInbox(post(1, { nowMs: START_MS + 9 }))).toMatchObject({
        seq: 1,
        duplicate: true,
      });
      expect(await store.readInbox(alice, 0, EVERYTHING)).toEqual([]);
      expect(await store.appendInbox(post(1, { device: bob }))).toMatchObject({ duplicate: false });
    });

    it("free what is acknowledged and never use its numbers again, over a restart too", async () => {
      const under = subject();
      for (const n of [1, 2, 3]) await under.store.appendInbox(post(n));
      await under.store.acknowledgeInbox(alice, 2);
      await under.store.acknowledgeInbox(alice, 1);
      expect((await under.store.readInbox(alice, 0, EVERYTHING)).map(({ seq }) => seq)).toEqual([3]);
      await under.store.acknowledgeInbox(alice, 99);
      const store = await under.reopen();
      expect(await store.readInbox(alice, 0, EVERYTHING)).toEqual([]);
      expect(await store.appendInbox(post(4))).toMatchObject({ seq: 4 });
      expect((await store.usage()).inboxItems).toBe(1);
    });

    it("are read within both limits, but at least one item", async () => {
      const { store } = subject();
      await Promise.all([1, 2, 3, 4].map((n) => store.appendInbox(post(n))));
      const read = async (after: number, maxEntries: number, maxBytes: number) =>
        (await store.readInbox(alice, after, { maxEntries, maxBytes })).map(({ seq }) => seq);
      expect(await read(0, 3, 1000)).toEqual([1, 2, 3]);
      expect(await read(1, 9, 100)).toEqual([2, 3]);
      expect(await read(1, 9, 1)).toEqual([2]);
    });

    it("keep an item for 45 days", async () => {
      const { store } = subject();
      await store.appendInbox(post(1));
      await store.appendInbox(post(2, { nowMs: START_MS + 1 }));
      await store.expire(START_MS + 45 * DAY_MS);
      expect((await store.readInbox(alice, 0, EVERYTHING)).map(({ seq }) => seq)).toEqual([2]);
      expect(await store.appendInbox(post(1))).toMatchObject({ seq: 3, duplicate: false });
    });

    it("refuse what is above a limit or malformed", async () => {
      const { store } = subject();
      const item = new Uint8Array(LIMITS.inboxItemBytes + 1);
      await expectRefusal(store.appendInbox(post(1, { item })), "too-large");
      await expectRefusal(store.appendInbox(post(1, { dedupeKey: new Uint8Array(0) })), "malformed");
      await expectRefusal(store.appendInbox(post(1, { dedupeKey: new Uint8Array(65) })), "malformed");
      await expectRefusal(
        store.appendInbox(post(1, { from: { account: new Uint8Array(1), device: 1 } })),
        "malformed",
      );
      expect(await store.appendInbox(post(1, { item: new Uint8Array(0) }))).toMatchObject({ seq: 1 });
    });
  });
}
