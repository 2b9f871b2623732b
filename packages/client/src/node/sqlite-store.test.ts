import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clientStoreSuite } from "../store/client-store-suite.ts";
import { SqliteStore } from "./sqlite-store.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-store-"));
  file = join(folder, "client.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

clientStoreSuite(() => new SqliteStore(file));

test("what was written is there after reopening", () => {
  const store = new SqliteStore(file);
  store.write([{ kind: "put", collection: "value", key: "a", value: Uint8Array.of(1) }]);
  store.close();
  const again = new SqliteStore(file);
  expect(again.get("value", "a")).toEqual(Uint8Array.of(1));
  again.close();
});

test("a second opener is told that the store is in use, and the first goes on", () => {
  const store = new SqliteStore(file);
  expect(() => new SqliteStore(file)).toThrow(expect.objectContaining({ code: "in-use" }));
  store.write([{ kind: "put", collection: "value", key: "a", value: Uint8Array.of(1) }]);
  store.close();
  new SqliteStore(file).close();
});

test("a store of a newer Parley is not touched", () => {
  new SqliteStore(file).close();
  const database = new DatabaseSync(file);
  database.exec("PRAGMA user_version = 2");
  database.close();
  expect(() => new SqliteStore(file)).toThrow(expect.objectContaining({ code: "unreadable" }));
});

test("a damaged file is unreadable", () => {
  writeFileSync(file, "not a database, but long enough to be taken for one ".repeat(100));
  expect(() => new SqliteStore(file)).toThrow(expect.objectContaining({ code: "unreadable" }));
});

test("every file of the store is its owner's alone", () => {
  const store = new SqliteStore(file);
  store.write([{ kind: "put", collection: "value", key: "a", value: Uint8Array.of(1) }]);
  expect(readdirSync(folder).length).toBeGreaterThan(1);
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600);
  store.close();
});

test("a file that others could read is closed to them", () => {
  new SqliteStore(file).close();
  chmodSync(file, 0o644);
  new SqliteStore(file).close();
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test.each([
  ["cut short", () => truncateSync(file, 4096)],
  ["overwritten behind its first page", () => writeFileSync(file, readFileSync(file).fill(0xa5, 4096))],
])("a file that was %s is said to be damaged, at opening or at the first read", (_, damage) => {
  const store = new SqliteStore(file);
  const value = new Uint8Array(100);
  for (let i = 0; i < 200; i++) store.write([{ kind: "put", collection: "value", key: `key ${i}`, value }]);
  store.close();
  damage();
  for (const read of [
    (damaged: SqliteStore) => damaged.get("value", "key 7"),
    (damaged: SqliteStore) => damaged.range("value"),
    (damaged: SqliteStore) => damaged.write([{ kind: "put", collection: "value", key: "key 7", value }]),
  ]) {
    expect(() => {
      const damaged = new SqliteStore(file);
      try {
        read(damaged);
      } finally {
        damaged.close();
      }
    }).toThrow(expect.objectContaining({ name: "StoreError", code: "unreadable" }));
  }
});

test("a folder that cannot be written is said to be so, and nothing is left in it", () => {
  chmodSync(folder, 0o500);
  asNobody(() => {
    expect(() => new SqliteStore(file)).toThrow(expect.objectContaining({ code: "unavailable" }));
  });
  expect(existsSync(file)).toBe(false);
});

test("a path that leads through a file cannot be used", () => {
  writeFileSync(file, "");
  const inside = join(file, "client.db");
  expect(() => new SqliteStore(inside)).toThrow(expect.objectContaining({ code: "unavailable" }));
});

test("what was deleted is in none of the files", () => {
  const store = new SqliteStore(file);
  const secret = new TextEncoder().encode("a secret that is gone for good");
  store.write([{ kind: "put", collection: "value", key: "a", value: secret }]);
  store.write([{ kind: "delete", collection: "value", key: "a" }]);
  store.close();
  for (const name of readdirSync(folder))
    expect(readFileSync(join(folder, name)).includes(secret), name).toBe(false);
});

/** Runs `act` as a user whom file modes bind: root may write everywhere. */
function asNobody(act: () => void): void {
  const NOBODY = 65_534;
  if (process.getuid?.() !== 0) return act();
  chownSync(folder, NOBODY, NOBODY);
  process.seteuid?.(NOBODY);
  try {
    act();
  } finally {
    process.seteuid?.(0);
  }
}
