import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import type { ClientStore, Collection, KeyRange, StoreChange } from "../store/client-store.ts";
import { StoreError } from "../store/client-store.ts";

const SCHEMA_VERSION = 1;
const SCHEMA = `
CREATE TABLE entry (
  collection TEXT NOT NULL,
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (collection, key)
) WITHOUT ROWID, STRICT;
PRAGMA user_version = ${SCHEMA_VERSION};
`;

const LAST_KEY = "\u{7f}";

/** The client's store in one SQLite file, readable by its owner alone; a write is on disk when it returns. */
export class SqliteStore implements ClientStore {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens or makes the file and its folder. Throws {@link StoreError}. */
  constructor(file: string) {
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      // SQLite gives the log beside the file the file's mode.
      closeSync(openSync(file, "a", 0o600));
      chmodSync(file, 0o600);
      this.#database = new DatabaseSync(file, { timeout: 2000 });
    } catch (error) {
      throw explained(error);
    }
    try {
      this.#database.exec(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;",
      );
      this.#migrate();
    } catch (error) {
      this.#database.close();
      throw explained(error);
    }
  }

  #migrate(): void {
    const version = this.#database.prepare("PRAGMA user_version").get()?.["user_version"];
    if (version === SCHEMA_VERSION) return;
    if (version !== 0) throw new StoreError("unreadable", "the local store was written by a newer Parley");
    this.#database.exec(`BEGIN;${SCHEMA}COMMIT;`);
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }

  write(changes: readonly StoreChange[]): void {
    if (changes.length === 0) return;
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      for (const change of changes) this.#apply(change);
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw explained(error);
    }
  }

  #apply(change: StoreChange): void {
    const { collection } = change;
    if (change.kind === "put") {
      this.#prepared("INSERT OR REPLACE INTO entry VALUES (?, ?, ?)").run(
        collection,
        change.key,
        change.value,
      );
    } else if (change.kind === "delete") {
      this.#prepared("DELETE FROM entry WHERE collection = ? AND key = ?").run(collection, change.key);
    } else {
      this.#prepared("DELETE FROM entry WHERE collection = ? AND key >= ? AND key < ?").run(
        collection,
        change.prefix,
        change.prefix + LAST_KEY,
      );
    }
  }

  get(collection: Collection, key: string): Uint8Array | undefined {
    const [row] = this.#read(
      "SELECT key, value FROM entry WHERE collection = ? AND key = ?",
      collection,
      key,
    );
    return row?.[1];
  }

  range(
    collection: Collection,
    { from = "", below = LAST_KEY, limit = -1, backwards = false }: KeyRange = {},
  ) {
    const order = backwards ? "DESC" : "ASC";
    return this.#read(
      `SELECT key, value FROM entry WHERE collection = ? AND key >= ? AND key < ? ORDER BY key ${order} LIMIT ?`,
      collection,
      from,
      below,
      limit,
    );
  }

  #read(sql: string, ...parameters: (string | number)[]): (readonly [key: string, value: Uint8Array])[] {
    try {
      const rows = this.#prepared(sql).all(...parameters);
      return rows.map((row) => [row["key"] as string, row["value"] as Uint8Array] as const);
    } catch (error) {
      throw explained(error);
    }
  }

  close(): void {
    this.#database.close();
  }
}

const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;
const SQLITE_CORRUPT = 11;

function explained(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { errcode = 0, code = "" } = error as { errcode?: number; code?: string };
  const primary = errcode & 0xff;
  if (primary === SQLITE_BUSY)
    return new StoreError("in-use", "another Parley is using this folder", { cause: error });
  if (primary === SQLITE_NOTADB || primary === SQLITE_CORRUPT) {
    return new StoreError("unreadable", "the local store is damaged", { cause: error });
  }
  const reason = code.startsWith("E") && code !== "ERR_SQLITE_ERROR" ? ` (${code})` : "";
  return new StoreError(
    "unavailable",
    `the local store cannot be used: disk full, read-only or failing${reason}`,
    {
      cause: error,
    },
  );
}
