import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { alice, append, room, START_MS } from "../suite/fixtures.ts";
import type { StoreOpenCode } from "./connection.ts";
import { Connection, StoreOpenError } from "./connection.ts";
import { MIGRATIONS } from "./schema.ts";
import { openSqliteStore } from "./store.ts";

function expectOpenError(open: () => unknown, code: StoreOpenCode): void {
  let thrown: unknown;
  try {
    open();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(StoreOpenError);
  expect((thrown as StoreOpenError).code).toBe(code);
}

describe("opening a SQLite store", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "parley-open-"));
    path = join(folder, "data", "deeper", "relay.sqlite");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("makes folders and files that only their owner can read", async () => {
    const store = openSqliteStore({ path });
    await store.checkHealth();
    const data = join(folder, "data");
    for (const it of [data, join(data, "deeper")]) expect(statSync(it).mode & 0o777).toBe(0o700);
    const files = readdirSync(join(data, "deeper"));
    expect(files).toContain("relay.sqlite-wal");
    for (const file of files) expect(statSync(join(data, "deeper", file)).mode & 0o777).toBe(0o600);
    await store.close();
  });

  it("takes others' right to read away from a file that has it", async () => {
    await openSqliteStore({ path }).close();
    chmodSync(path, 0o644);
    await openSqliteStore({ path }).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("leaves syncs of the journal and checkpoints to their caller, and those of checkpoints to SQLite", () => {
    const connection = new Connection(path);
    const pragma = (name: string) => Object.values(connection.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    expect(pragma("journal_mode")).toBe("wal");
    expect(pragma("synchronous")).toBe(1);
    expect(pragma("wal_autocheckpoint")).toBe(0);
    expect(pragma("user_version")).toBe(MIGRATIONS.length);
    connection.close();
  });

  it("refuses a file that is open already", async () => {
    const store = openSqliteStore({ path });
    expectOpenError(() => openSqliteStore({ path }), "in-use");
    await store.checkHealth();
    await store.close();
  });

  it("refuses a newer schema and leaves it alone", async () => {
    await openSqliteStore({ path }).close();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    expectOpenError(() => openSqliteStore({ path }), "schema-newer");
    expectOpenError(() => openSqliteStore({ path }), "schema-newer");
  });

  it("refuses the database of another program and files that are none", () => {
    const other = join(folder, "other.sqlite");
    const database = new DatabaseSync(other);
    database.exec("CREATE TABLE theirs (a)");
    database.close();
    expectOpenError(() => openSqliteStore({ path: other }), "not-a-store");
    const text = join(folder, "text");
    writeFileSync(text, "not a database, but long enough to be read as one".repeat(50));
    expectOpenError(() => openSqliteStore({ path: text }), "not-a-store");
  });

  it("refuses a place that it cannot write to", () => {
    writeFileSync(join(folder, "file"), "");
    expectOpenError(() => openSqliteStore({ path: join(folder, "file", "relay.sqlite") }), "inaccessible");
  });

  it("refuses a file from whose room logs an entry is missing", async () => {
    const store = openSqliteStore({ path });
    await store.createRoom({ room, creator: alice, nowMs: START_MS });
    await Promise.all([1, 2, 3].map((n) => store.append(append(n))));
    await store.close();
    const database = new DatabaseSync(path);
    database.exec("DELETE FROM entries WHERE id = 2");
    database.close();
    expectOpenError(() => openSqliteStore({ path }), "damaged");
  });
});
