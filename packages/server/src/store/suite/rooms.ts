import { decodeRoomLogEntry, EMPTY_LOG_HEAD, LIMITS } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import type { StoreUnderTest } from "./fixtures.ts";
import {
  adding,
  alice,
  append,
  bob,
  bytes,
  carol,
  clientId,
  commit,
  device,
  EVERYTHING,
  expectChained,
  expectRefusal,
  room,
  roomId,
  START_MS,
} from "./fixtures.ts";

/** Room logs: {@link RoomStore.createRoom}, `append`, and reading. */
export function describeRooms(subject: () => StoreUnderTest): void {
  describe("rooms", () => {
    it("makes an empty room at epoch 0 with its creator alone", async () => {
      const { store } = subject();
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      expect(await store.roomRecord(room)).toEqual({
        epoch: 0,
        headSeq: 0,
        headHash: EMPTY_LOG_HEAD,
        roster: [alice],
      });
      expect(await store.readRoom(room, 0, EVERYTHING)).toEqual([]);
      expect(await store.groupInfo(room)).toBeUndefined();
    });

    it("makes a room once, whoever asks", async () => {
      const { store } = subject();
      const made = [alice, bob].map((creator) => store.createRoom({ room, creator, nowMs: START_MS }));
      await expectRefusal(made[1] as Promise<void>, "already-exists");
      await made[0];
      expect((await store.roomRecord(room))?.roster).toEqual([alice]);
    });

    it("count what an account stores, over a restart too, and refuse what is over its quota", async () => {
      const under = subject();
      let { store } = under;
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      const { account } = alice;
      expect(await store.storedBytes(account)).toEqual({ roomBytes: 0, inboxBytes: 0 });
      const sizes: number[] = [];
      for (let n = 0; n < 300; n++) sizes.push((await store.append(append(n))).entry.length);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      expect((await store.storedBytes(account)).roomBytes).toBe(total);
      store = await under.reopen();
      expect((await store.storedBytes(account)).roomBytes).toBe(total);
      await expectRefusal(store.append(append("more", { quotaBytes: total })), "over-quota");
      expect(await store.append(append(1, { quotaBytes: total }))).toMatchObject({ duplicate: true });
      expect((await store.storedBytes(account)).roomBytes).toBe(total);
      await store.append(append("more", { quotaBytes: total + 1000 }));
      expect((await store.storedBytes(bob.account)).roomBytes).toBe(0);
    });

    it("knows nothing of a room that was never made", async () => {
      const { store } = subject();
      expect(await store.roomRecord(room)).toBeUndefined();
      expect(await store.isOnRoster(room, alice)).toBe(false);
      expect(await store.roomsOf(alice)).toEqual([]);
      await expectRefusal(store.readRoom(room, 0, EVERYTHING), "not-found");
      await expectRefusal(store.append(append(1)), "not-found");
      await expectRefusal(store.acceptCommit(commit(1)), "not-found");
      expect(await store.deliverPending(room)).toEqual([]);
    });

    it("stores, hashes and delivers the same bytes, numbered from 1", async () => {
      const { store } = subject();
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      const sent = await Promise.all(
        [1, 2, 3].map((n) =>
          store.append(append(n, { kind: n === 2 ? "proposal" : "application", nowMs: START_MS + n })),
        ),
      );
      expect(sent.map(({ seq }) => seq)).toEqual([1, 2, 3]);
      const entries = await expectChained(store);
      expect(entries.map((entry) => entry.toHex())).toEqual(sent.map(({ entry }) => entry.toHex()));
      expect(decodeRoomLogEntry(entries[1] as Uint8Array)).toMatchObject({
        kind: "proposal",
        epoch: 0,
        receivedAtMs: START_MS + 2,
        replaces: 0,
        added: [],
        removed: [],
      });
    });

    it("answers a repeated client id with the first entry, within a turn and after it", async () => {
      const { store } = subject();
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      const again = append(1, { message: bytes(64, "other"), nowMs: START_MS + 5 });
      const [first, second] = await Promise.all([store.append(append(1)), store.append(again)]);
      const third = await store.append(again);
      expect(first).toMatchObject({ seq: 1, duplicate: false });
      for (const repeated of [second, third]) {
        expect(repeated).toMatchObject({ seq: 1, receivedAtMs: START_MS, duplicate: true });
        expect(repeated?.entry.toHex()).toBe(first?.entry.toHex());
      }
      expect(await expectChained(store)).toHaveLength(1);
    });

    it("answers a repeated client id even when the epoch has moved on, also to a commit", async () => {
      const { store } = subject();
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      await store.append(append(1));
      await store.acceptCommit(commit(2, { added: adding(bob) }));
      expect(await store.append(append(1))).toMatchObject({ seq: 1, duplicate: true });
      const repeated = await store.acceptCommit(commit(2, { added: adding(bob) }));
      expect(repeated).toMatchObject({ seq: 2, duplicate: true, joined: [], left: [] });
    });

    it("tells the same client id of two devices and of two rooms apart", async () => {
      const { store } = subject();
      const other = roomId("other");
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      await store.createRoom({ room: other, creator: alice, nowMs: START_MS });
      await store.acceptCommit(commit("add", { added: adding(bob) }));
      const shared = { clientId: clientId("shared"), epoch: 1 };
      expect(await store.append(append(1, shared))).toMatchObject({ seq: 2, duplicate: false });
      expect(await store.append(append(1, { ...shared, sender: bob }))).toMatchObject({
        seq: 3,
        duplicate: false,
      });
      const elsewhere = append(1, { ...shared, room: other, epoch: 0 });
      expect(await store.append(elsewhere)).toMatchObject({ seq: 1, duplicate: false });
    });

    it("refuses strangers as if there were no room, and former members as such", async () => {
      const { store } = subject();
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      await store.acceptCommit(commit(1, { added: adding(bob) }));
      await store.acceptCommit(commit(2, { epoch: 1, removed: [bob] }));
      await expectRefusal(store.append(append(3, { sender: carol, epoch: 2 })), "not-found");
      await expectRefusal(store.append(append(3, { sender: bob, epoch: 2 })), "forbidden");
      expect(await expectChained(store)).toHaveLength(2);
    });

    it("refuses a message of an epoch that is over, or not yet there, with the room's epoch", async () => {
      const { store } = subject();
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      await store.acceptCommit(commit(1));
      await expectRefusal(store.append(append(2)), "stale-epoch", { epoch: 1 });
      await expectRefusal(store.append(append(2, { epoch: 2 })), "stale-epoch", { epoch: 1 });
      expect(await store.append(append(2, { epoch: 1 }))).toMatchObject({ seq: 2 });
    });

    it("fails an operation alone: its neighbours of the same turn succeed", async () => {
      const { store } = subject();
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      const good = [store.append(append(1)), store.append(append(2))];
      const bad = [
        store.append(append(3, { epoch: 7 })),
        store.append(append(4, { sender: bob })),
        store.append(append(5, { message: new Uint8Array(LIMITS.messageBytes + 1) })),
        store.append(append(6, { clientId: new Uint8Array(3) })),
        store.append(append(7, { nowMs: -1 })),
        store.append(append(8, { room: new Uint8Array(2) })),
      ];
      const last = store.append(append(9));
      const refused = await Promise.allSettled(bad);
      const codes = refused.map((it) => (it.status === "rejected" ? it.reason.code : it.status));
      expect(codes).toEqual(["stale-epoch", "not-found", "too-large", "malformed", "malformed", "malformed"]);
      expect((await Promise.all([...good, last])).map(({ seq }) => seq)).toEqual([1, 2, 3]);
      expect(await expectChained(store)).toHaveLength(3);
    });

    it("reads within both limits, but at least one entry", async () => {
      const { store } = subject();
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      const sent = await Promise.all(Array.from({ length: 10 }, (_, n) => store.append(append(n))));
      const sizeBytes = (sent[0]?.entry.length ?? 0) * 3;
      const read = async (after: number, limits: { maxEntries: number; maxBytes: number }) =>
        (await store.readRoom(room, after, limits)).map((entry) => decodeRoomLogEntry(entry).seq);
      expect(await read(0, { maxEntries: 4, maxBytes: 1 << 20 })).toEqual([1, 2, 3, 4]);
      expect(await read(2, { maxEntries: 100, maxBytes: sizeBytes })).toEqual([3, 4, 5]);
      expect(await read(8, { maxEntries: 100, maxBytes: 1 })).toEqual([9]);
      expect(await read(10, EVERYTHING)).toEqual([]);
      expect(await read(99, EVERYTHING)).toEqual([]);
    });

    it("keeps logs, epochs, rosters and client ids over a restart", async () => {
      const under = subject();
      await under.store.createRoom({ room, creator: alice, nowMs: START_MS });
      await under.store.append(append(1));
      await under.store.acceptCommit(commit(2, { added: adding(bob) }));
      await under.store.append(append(3, { epoch: 1 }));
      const before = await under.store.roomRecord(room);
      const store = await under.reopen();
      expect(await store.roomRecord(room)).toEqual(before);
      expect(await store.append(append(1))).toMatchObject({ seq: 1, duplicate: true });
      expect(await store.append(append(4, { epoch: 1, sender: bob }))).toMatchObject({
        seq: 4,
        duplicate: false,
      });
      expect(await expectChained(store)).toHaveLength(4);
    });

    it("lists the rooms of a device with where their logs end", async () => {
      const { store } = subject();
      const other = roomId("other");
      await store.createRoom({ room, creator: alice, nowMs: START_MS });
      await store.createRoom({ room: other, creator: bob, nowMs: START_MS });
      await store.acceptCommit(commit(1, { added: adding(bob) }));
      await store.append(append(2, { epoch: 1 }));
      const heads = (await store.roomsOf(bob)).map((head) => ({ ...head, room: head.room.toHex() }));
      expect(heads).toHaveLength(2);
      expect(heads).toContainEqual({ room: room.toHex(), seq: 2, epoch: 1 });
      expect(heads).toContainEqual({ room: other.toHex(), seq: 0, epoch: 0 });
      expect(await store.roomsOf(device("bob", 2))).toEqual([]);
      await store.acceptCommit(commit(3, { epoch: 1, removed: [bob] }));
      expect((await store.roomsOf(bob)).map((head) => head.room.toHex())).toEqual([other.toHex()]);
    });

    it("keeps a log of many entries in many rooms whole, also over a restart", async () => {
      const under = subject();
      const rooms = Array.from({ length: 20 }, (_, n) => roomId(n));
      await Promise.all(
        rooms.map((it) => under.store.createRoom({ room: it, creator: alice, nowMs: START_MS })),
      );
      for (let round = 0; round < 100; round++) {
        const sends = rooms.flatMap((it, r) =>
          [0, 1].map((n) => under.store.append(append(`${r} ${round} ${n}`, { room: it }))),
        );
        await Promise.all(sends);
      }
      const store = await under.reopen();
      for (const it of rooms) expect(await expectChained(store, it)).toHaveLength(200);
      const first = await store.append(append("3 7 1", { room: rooms[3] as Uint8Array }));
      expect(first).toMatchObject({ seq: 16, duplicate: true });
    });
  });
}
