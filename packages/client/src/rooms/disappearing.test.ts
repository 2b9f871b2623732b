import fc from "fast-check";
import { expect, test } from "vitest";
import { HandTurnedClock } from "../connection/hand-turned-clock.ts";
import { StoreError } from "../store/client-store.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { DisappearingMessages, putExpiry } from "./disappearing.ts";
import { ChangeSet, timelineKey } from "./room-record.ts";

function setUp() {
  const store = new MemoryStore();
  const clock = new HandTurnedClock();
  const gone: string[] = [];
  const failures: unknown[] = [];
  const open = () =>
    new DisappearingMessages({
      store,
      clock,
      gone: (rooms) => gone.push(...rooms),
      failed: (error) => failures.push(error),
    });
  const put = (room: string, seq: number, expiresAtMs?: number) => {
    const key = `${room}/${timelineKey(seq)}`;
    const changes = new ChangeSet();
    changes.put("timeline", key, Uint8Array.of(seq));
    if (expiresAtMs !== undefined) putExpiry(changes, key, expiresAtMs);
    store.write(changes.list());
  };
  const kept = () => store.range("timeline").map(([, [seq]]) => seq);
  return { store, clock, gone, failures, open, put, kept };
}

test("a message goes when its time has come, and no other does", async () => {
  const { clock, open, put, kept, gone, store } = setUp();
  const messages = open();
  const nowMs = clock.nowMs();
  put("garden", 1, nowMs + 10_000);
  put("garden", 2);
  put("shed", 3, nowMs + 5_000);
  messages.scheduled(nowMs + 5_000);
  await clock.turn(4_999);
  expect(kept()).toEqual([1, 2, 3]);
  await clock.turn(1);
  expect(kept()).toEqual([1, 2]);
  expect(gone).toEqual(["shed"]);
  await clock.turn(5_000);
  expect(kept()).toEqual([2]);
  expect(store.range("expiry")).toEqual([]);
  expect(clock.timers).toBe(0);
});

test("what fell due while the program was closed goes when it opens", () => {
  const { clock, open, put, kept } = setUp();
  for (let seq = 1; seq <= 100; seq++) put("garden", seq, clock.nowMs() + seq * 1000);
  clock.jump(50_000);
  open().sweep();
  expect(kept()).toEqual(Array.from({ length: 50 }, (_, n) => n + 51));
});

test("a machine that slept deletes what is due within a minute of waking", async () => {
  const { clock, open, put, kept } = setUp();
  put("garden", 1, clock.nowMs() + 3_600_000);
  open().sweep();
  clock.jump(3_600_000);
  await clock.turn(60_000);
  expect(kept()).toEqual([]);
});

test("a store that fails is tried again, and nothing is told as gone before it is", async () => {
  const { clock, open, put, kept, gone, failures, store } = setUp();
  put("garden", 1, clock.nowMs() + 1000);
  const messages = open();
  messages.sweep();
  const write = store.write.bind(store);
  store.write = () => {
    throw new StoreError("unavailable", "no space");
  };
  await clock.turn(1000);
  expect(failures).toHaveLength(1);
  expect(gone).toEqual([]);
  store.write = write;
  await clock.turn(2000);
  expect(kept()).toEqual([]);
  expect(gone).toEqual(["garden"]);
});

test("at any moment exactly what is not due yet is there", async () => {
  const lives = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      lives,
      fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 6 }),
      async (life, turns) => {
        const { clock, open, put, store } = setUp();
        const messages = open();
        const startMs = clock.nowMs();
        life.forEach((seconds, seq) => {
          put("garden", seq, startMs + seconds * 1000);
          messages.scheduled(startMs + seconds * 1000);
        });
        for (const seconds of turns) {
          await clock.turn(seconds * 1000);
          const left = life.filter((end) => startMs + end * 1000 > clock.nowMs());
          expect(store.range("timeline")).toHaveLength(left.length);
        }
      },
    ),
  );
});
