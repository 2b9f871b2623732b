import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { alice, append, EVERYTHING, expectChained, room, START_MS } from "../suite/fixtures.ts";
import { MIGRATIONS } from "./schema.ts";
import { openSqliteStore } from "./store.ts";
import { temporaryStore } from "./temporary-store.ts";

it("a copy of a store that is written to meanwhile is the store at one moment, and nothing waits for it", async () => {
  const under = temporaryStore();
  const folder = mkdtempSync(join(tmpdir(), "parley-copy-"));
  const path = join(folder, "relay.db");
  try {
    const { store } = under;
    await store.createRoom({ room, creator: alice, nowMs: START_MS });
    const large = new Uint8Array(60_000);
    for (let n = 0; n < 200; n++) await store.append(append(n, { message: large }));
    writeFileSync(path, "");
    let copied = false;
    const copy = store.copyTo(path).then(() => (copied = true));
    let during = 0;
    while (!copied) await store.append(append(`during ${during++}`));
    await copy;
    expect(during).toBeGreaterThan(3);
    const opened = openSqliteStore({ path });
    const entries = await expectChained(opened);
    expect(entries.length).toBeGreaterThanOrEqual(200);
    const whole = await store.readRoom(room, 0, EVERYTHING);
    expect(entries.map((entry) => entry.toHex())).toEqual(
      whole.slice(0, entries.length).map((entry) => entry.toHex()),
    );
    await opened.close();
  } finally {
    await under.dispose();
    rmSync(folder, { recursive: true });
  }
});

it("a store of the first schema gets the sums of what each device has stored", async () => {
  const under = temporaryStore({ maxUnsettledEntries: 10 });
  try {
    const { store } = under;
    await store.createRoom({ room, creator: alice, nowMs: START_MS });
    for (let n = 0; n < 300; n++) await store.append(append(n));
    const { roomBytes } = await store.storedBytes(alice.account);
    await store.close();
    const database = new DatabaseSync(under.path);
    database.exec(`DROP TABLE device_bytes; ${MIGRATIONS[1]}`);
    database.close();
    const reopened = await under.reopen();
    expect(await reopened.storedBytes(alice.account)).toEqual({ roomBytes, inboxBytes: 0 });
  } finally {
    await under.dispose();
  }
});
