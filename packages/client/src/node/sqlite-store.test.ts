import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
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
