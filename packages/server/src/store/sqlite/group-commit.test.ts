import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RelayStore } from "../contract.ts";
import {
  alice,
  append,
  bytes,
  EVERYTHING,
  expectChained,
  expectRefusal,
  room,
  START_MS,
} from "../suite/fixtures.ts";
import { openSqliteStore } from "./store.ts";
import type { TemporaryStore } from "./temporary-store.ts";
import { temporaryStore } from "./temporary-store.ts";

/** A disk whose syncs are let through one by one. */
class SlowDisk {
  #waiting: PromiseWithResolvers<void> | undefined;
  #asked = Promise.withResolvers<void>();
  #isSlow = false;

  readonly sync = async (sync: () => Promise<void>): Promise<void> => {
    if (this.#isSlow) {
      this.#waiting = Promise.withResolvers();
      this.#asked.resolve();
      await this.#waiting.promise;
    }
    await sync();
  };

  /** From now on every sync waits. */
  slowDown(): void {
    this.#isSlow = true;
  }

  /** Resolves when a sync waits. */
  async asked(): Promise<void> {
    await this.#asked.promise;
    this.#asked = Promise.withResolvers();
  }

  letThrough(): void {
    this.#waiting?.resolve();
  }

  fail(): void {
    this.#waiting?.reject(new Error("injected: the sync failed"));
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Whether a promise has settled by now, given a few turns. */
async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  promise.then(mark, mark);
  await turns(5);
  return settled;
}

describe("a batch on its way to the disk", () => {
  let disk: SlowDisk;
  let under: TemporaryStore;
  let store: RelayStore;
  beforeEach(async () => {
    disk = new SlowDisk();
    under = temporaryStore({ unsafeTestingSync: disk.sync });
    store = under.store;
    await store.createRoom({ room, creator: alice, nowMs: START_MS });
    disk.slowDown();
  });
  afterEach(() => under.dispose());

  it("is neither acknowledged nor seen by anybody before the disk has it", async () => {
    const first = store.append(append(1));
    await disk.asked();
    const read = store.readRoom(room, 0, EVERYTHING);
    const second = store.append(append(2));
    expect(await hasSettled(Promise.race([first, read, second]))).toBe(false);

    disk.letThrough();
    expect(await first).toMatchObject({ seq: 1, duplicate: false });
    // What came in the meantime has not begun yet when the reads have their turn.
    expect(await read).toHaveLength(1);
    await disk.asked();
    expect(await hasSettled(second)).toBe(false);
    disk.letThrough();
    expect(await second).toMatchObject({ seq: 2 });
  });

  it("is rejected when the sync fails, and written anew before the next one is acknowledged", async () => {
    const journalBytes = () => statSync(`${under.path}-wal`).size;
    const doubtful = [append(1, { message: bytes(60_000, 1) }), append(2, { message: bytes(60_000, 2) })];
    const sent = doubtful.map((it) => store.append(it));
    await disk.asked();
    disk.fail();
    for (const it of sent) await expectRefusal(it, "storage-unavailable");
    const before = journalBytes();

    const again = doubtful.map((it) => store.append(it));
    const next = store.append(append(3));
    await disk.asked();
    expect(journalBytes()).toBeLessThan(before / 2);
    disk.letThrough();
    expect(await Promise.all(again)).toMatchObject([
      { seq: 1, duplicate: true },
      { seq: 2, duplicate: true },
    ]);
    expect(await next).toMatchObject({ seq: 3, duplicate: false });
    expect(await expectChained(store)).toHaveLength(3);
  });

  it("is waited for when the store closes", async () => {
    const last = store.append(append(1));
    await disk.asked();
    const closed = store.close();
    expect(await hasSettled(closed)).toBe(false);
    disk.letThrough();
    expect(await last).toMatchObject({ seq: 1 });
    await closed;
    await expectRefusal(store.append(append(2)), "shutting-down");
  });
});

it("keeps in its files, as they were at the last sync, all that it acknowledged, through checkpoints", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-power-"));
  const lost = join(folder, "lost.sqlite");
  let syncs = 0;
  const under = temporaryStore({
    async unsafeTestingSync(sync) {
      await sync();
      syncs++;
      for (const suffix of ["", "-wal"]) copyFileSync(`${under.path}${suffix}`, `${lost}${suffix}`);
    },
  });
  await under.store.createRoom({ room, creator: alice, nowMs: START_MS });
  let acknowledged = 0;
  for (let round = 0; round < 8; round++) {
    const batch = Array.from({ length: 60 }, (_, n) =>
      under.store.append(append(`${round} ${n}`, { message: bytes(70_000, n) })),
    );
    acknowledged += (await Promise.all(batch)).length;
    const survivor = openSqliteStore({ path: lost });
    expect(await expectChained(survivor)).toHaveLength(acknowledged);
    await survivor.close();
  }
  expect(syncs).toBeGreaterThan(8);
  expect(statSync(`${under.path}-wal`).size).toBeLessThan(acknowledged * 70_000);
  await under.dispose();
  rmSync(folder, { recursive: true });
});
