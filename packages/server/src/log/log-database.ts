import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import { decodeChainEntry } from "@parley/trust";
import { isStorageFault, StoreOpenError } from "../store/sqlite/connection.ts";
import { copyDatabase } from "../store/sqlite/copy-database.ts";
import type { LoggedEntry } from "./logged-entry.ts";

const SCHEMA_VERSION = 1;
const APPLICATION_ID = 0x7061726d;

/** Numbers count from 0. `leaf`: RFC 6962 leaf hash. A tile row holds as many hashes as there are, 1 to 256. */
const SCHEMA = `
CREATE TABLE entry (
  number INTEGER PRIMARY KEY, leaf BLOB NOT NULL UNIQUE, of_server INTEGER NOT NULL, bytes BLOB NOT NULL
);
CREATE INDEX server_entries ON entry (number) WHERE of_server;
CREATE TABLE opening (number INTEGER PRIMARY KEY, name TEXT NOT NULL, opening BLOB NOT NULL);
CREATE TABLE tile (level INTEGER NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, number)) WITHOUT ROWID;
CREATE TABLE head (only INTEGER PRIMARY KEY CHECK (only = 1), size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL);
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** The log's end as it is on disk: `note` is the signed checkpoint of `size` and `root`. */
export interface StoredHead {
  readonly size: number;
  readonly root: Uint8Array;
  readonly note: Uint8Array;
}

/** A tile of the log as it grows: hashes of tree level 8 · `level`, from 256 · `number` on. */
export interface StoredTile {
  readonly level: number;
  readonly number: number;
  readonly hashes: Uint8Array;
}

/** One step of the log: everything of it is durable, or nothing. */
export interface LogStep {
  readonly entries: readonly (LoggedEntry & { readonly leaf: Uint8Array })[];
  readonly tiles: readonly StoredTile[];
  readonly head: StoredHead;
}

type StatementName =
  | "head"
  | "entries"
  | "serverEntries"
  | "number"
  | "tile"
  | "addEntry"
  | "addOpening"
  | "putTile"
  | "putHead";

/** `log.db`: one SQLite file, one process, durable when a write returns. Readable by its owner only. */
export class LogDatabase {
  readonly #database: DatabaseSync;
  readonly #statements: Readonly<Record<StatementName, StatementSync>>;

  /** Throws StoreOpenError. */
  constructor(path: string) {
    this.#database = open(path);
    const prepare = (sql: string) => this.#database.prepare(sql);
    this.#statements = {
      head: prepare("SELECT size, root, note FROM head"),
      entries: prepare(
        `SELECT entry.bytes AS entry, opening.name AS name, opening.opening AS opening
         FROM entry LEFT JOIN opening USING (number) WHERE entry.number >= ? AND entry.number < ? ORDER BY entry.number`,
      ),
      serverEntries: prepare("SELECT number, bytes AS entry FROM entry WHERE of_server ORDER BY number"),
      number: prepare("SELECT number FROM entry WHERE leaf = ?"),
      tile: prepare("SELECT hashes FROM tile WHERE level = ? AND number = ?"),
      addEntry: prepare("INSERT INTO entry VALUES (?, ?, ?, ?)"),
      addOpening: prepare("INSERT INTO opening VALUES (?, ?, ?)"),
      putTile: prepare("INSERT OR REPLACE INTO tile VALUES (?, ?, ?)"),
      putHead: prepare("INSERT OR REPLACE INTO head VALUES (1, ?, ?, ?)"),
    };
  }

  get isOpen(): boolean {
    return this.#database.isOpen;
  }

  head(): StoredHead | undefined {
    return this.#statements.head.get() as unknown as StoredHead | undefined;
  }

  /** Entries [from, end), stopping before `maxBytes` are exceeded, but not before the first. */
  entries(from: number, end: number, maxBytes: number): readonly LoggedEntry[] {
    const read: LoggedEntry[] = [];
    let bytes = 0;
    for (const row of this.#statements.entries.iterate(from, end)) {
      const { entry, name, opening } = row as { entry: Uint8Array; name: string | null; opening: Uint8Array };
      bytes += entry.length;
      if (bytes > maxBytes && read.length > 0) break;
      read.push(name === null ? { entry } : { entry, opening: { name, opening } });
    }
    return read;
  }

  /** The entries of the server's own chain, in order. */
  serverEntries(): readonly { readonly number: number; readonly entry: Uint8Array }[] {
    return this.#statements.serverEntries.all() as unknown as readonly {
      number: number;
      entry: Uint8Array;
    }[];
  }

  /** The number of the entry with this leaf hash. */
  numberOf(leaf: Uint8Array): number | undefined {
    return (this.#statements.number.get(leaf) as { number: number } | undefined)?.number;
  }

  /** All hashes that a tile has so far. */
  tile(level: number, number: number): Uint8Array | undefined {
    return (this.#statements.tile.get(level, number) as { hashes: Uint8Array } | undefined)?.hashes;
  }

  /** Writes a copy, as of one moment, into the empty file at `path`. */
  copyTo(path: string): Promise<void> {
    return copyDatabase(this.#database, path);
  }

  /** Entries, tiles and head in one transaction. When it throws, nothing or everything is there: read the head anew. */
  write({ entries, tiles, head }: LogStep): void {
    const { addEntry, addOpening, putTile, putHead } = this.#statements;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const [place, { entry, leaf, opening }] of entries.entries()) {
        const number = head.size - entries.length + place;
        addEntry.run(number, leaf, isServerEntry(entry) ? 1 : 0, entry);
        if (opening) addOpening.run(number, opening.name, opening.opening);
      }
      for (const { level, number, hashes } of tiles) putTile.run(level, number, hashes);
      putHead.run(head.size, head.root, head.note);
      this.#database.exec("COMMIT");
    } finally {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

function isServerEntry(entry: Uint8Array): boolean {
  return decodeChainEntry(entry).type.startsWith("server-");
}

function open(path: string): DatabaseSync {
  let database: DatabaseSync;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600));
    chmodSync(path, 0o600);
    database = new DatabaseSync(path, { timeout: 1000 });
  } catch (error) {
    throw new StoreOpenError("inaccessible", `cannot create ${path}`, error);
  }
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    const version = numberOf(database, "user_version");
    if (version > SCHEMA_VERSION)
      throw new StoreOpenError("schema-newer", `${path} was written by a newer release`);
    if (version === 0) database.exec(`BEGIN IMMEDIATE;${SCHEMA}COMMIT;`);
    else if (numberOf(database, "application_id") !== APPLICATION_ID) {
      throw new StoreOpenError("not-a-store", `${path} belongs to another program`);
    }
    return database;
  } catch (error) {
    database.close();
    if (isStorageFault(error)) throw new StoreOpenError("in-use", `${path} cannot be used`, error);
    throw error;
  }
}

function numberOf(database: DatabaseSync, pragma: string): number {
  return Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0] as number;
}
