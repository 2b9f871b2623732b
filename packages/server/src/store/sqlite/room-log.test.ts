import { describe, expect, it } from "vitest";
import { alice, append, EVERYTHING, expectChained, roomId, START_MS } from "../suite/fixtures.ts";
import { temporaryStore } from "./temporary-store.ts";

const MAX_UNSETTLED = 1000;
const names = ["busy", "quiet", "rare"] as const;
const rooms = names.map((name) => roomId(name));
const [busy, quiet, rare] = rooms as [Uint8Array, Uint8Array, Uint8Array];

describe("settling", () => {
  it("of a busy room in pieces loses nothing of its neighbours, whenever the store restarts", async () => {
    const under = temporaryStore({ maxUnsettledEntries: MAX_UNSETTLED });
    let { store } = under;
    await Promise.all(rooms.map((room) => store.createRoom({ room, creator: alice, nowMs: START_MS })));
    const sent = new Map<Uint8Array, number>(rooms.map((room) => [room, 0]));
    const send = (room: Uint8Array) => {
      const n = (sent.get(room) ?? 0) + 1;
      sent.set(room, n);
      return store.append(append(`${room.toHex()} ${n}`, { room }));
    };
    for (let round = 0; round < 60; round++) {
      const batch = Array.from({ length: 40 }, () => busy);
      if (round % 3 === 0) batch.push(quiet);
      if (round === 5) batch.push(rare);
      await Promise.all(batch.map(send));
      if (round % 10 === 9) store = await under.reopen();
    }
    for (const room of rooms) expect(await expectChained(store, room)).toHaveLength(sent.get(room) ?? 0);
    for (const room of rooms) {
      const again = await store.append(append(`${room.toHex()} 1`, { room }));
      expect(again).toMatchObject({ seq: 1, duplicate: true });
    }
    await under.dispose();
  });

  it("reads across the border between settled and other entries", async () => {
    const under = temporaryStore({ maxUnsettledEntries: 700 });
    const { store } = under;
    await store.createRoom({ room: busy, creator: alice, nowMs: START_MS });
    for (let n = 0; n < 1200; n += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, k) => store.append(append(n + k, { room: busy }))));
    }
    const all = await expectChained(store, busy);
    for (let after = 0; after <= 1200; after += 37) {
      const some = await store.readRoom(busy, after, { ...EVERYTHING, maxEntries: 61 });
      const expected = all.slice(after, after + 61);
      expect(some.map((entry) => entry.toHex())).toEqual(expected.map((entry) => entry.toHex()));
    }
    await under.dispose();
  });
});
