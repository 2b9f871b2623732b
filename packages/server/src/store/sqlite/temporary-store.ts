import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RelayStore } from "../contract.ts";
import type { StoreUnderTest } from "../suite/fixtures.ts";
import type { SqliteStoreOptions } from "./store.ts";
import { openSqliteStore } from "./store.ts";

/** A SQLite store in a folder of its own, which is removed with it. For tests. */
export interface TemporaryStore extends StoreUnderTest {
  readonly path: string;
}

/** @returns a fresh {@link TemporaryStore}. */
export function temporaryStore(options: Omit<SqliteStoreOptions, "path"> = {}): TemporaryStore {
  const folder = mkdtempSync(join(tmpdir(), "parley-store-"));
  const path = join(folder, "relay.sqlite");
  const open = (): RelayStore => openSqliteStore({ path, ...options });
  let store = open();
  return {
    path,
    store,
    async reopen() {
      await store.close();
      store = open();
      return store;
    },
    async dispose() {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}
