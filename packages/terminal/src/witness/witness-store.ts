import { chmodSync } from "node:fs";
import type { StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import type { WitnessState, WitnessStore } from "@parley/trust/tlog";
import { isSameWitnessState } from "@parley/trust/tlog";
import { CommandFailure } from "../command-failure.ts";

const SCHEMA_VERSION = 1;
const SCHEMA = `
CREATE TABLE log (origin TEXT NOT NULL, vkey TEXT NOT NULL, PRIMARY KEY (origin, vkey)) WITHOUT ROWID, STRICT;
CREATE TABLE state (
  origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, checkpoint BLOB NOT NULL
) WITHOUT ROWID, STRICT;
PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** A witness's memory in one SQLite file: compare and store are one transaction, on disk before it is answered. */
export class SqliteWitnessStore implements WitnessStore {
  readonly #database: DatabaseSync;
  readonly #load: StatementSync;
  readonly #put: StatementSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.#load = database.prepare("SELECT size, root, checkpoint FROM state WHERE origin = ?");
    this.#put = database.prepare("INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?)");
  }

  /** A new, empty memory. */
  static create(file: string): SqliteWitnessStore {
    const database = connect(file);
    chmodSync(file, 0o600);
    database.exec(`BEGIN;${SCHEMA}COMMIT;`);
    return new SqliteWitnessStore(database);
  }

  /** The memory that {@link create} made. CommandFailure when the file is none. */
  static open(file: string): SqliteWitnessStore {
    const database = connect(file);
    const version = database.prepare("PRAGMA user_version").get()?.["user_version"];
    if (version === SCHEMA_VERSION) return new SqliteWitnessStore(database);
    database.close();
    throw new CommandFailure(`${file} is no witness's memory, or a newer Parley's`);
  }

  async load(origin: string): Promise<WitnessState | undefined> {
    return this.#read(origin);
  }

  async compareAndSwap(
    origin: string,
    expected: WitnessState | undefined,
    next: WitnessState,
  ): Promise<boolean> {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      if (!isSameWitnessState(this.#read(origin), expected)) return false;
      this.#put.run(origin, next.size, next.root, next.checkpoint);
      this.#database.exec("COMMIT");
      return true;
    } finally {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    }
  }

  addLog(origin: string, vkey: string): void {
    this.#database.prepare("INSERT OR IGNORE INTO log VALUES (?, ?)").run(origin, vkey);
  }

  /** The known logs: each origin's keys. */
  logs(): ReadonlyMap<string, readonly string[]> {
    const rows = this.#database.prepare("SELECT origin, vkey FROM log ORDER BY origin, vkey").all();
    return Map.groupBy(rows as unknown as { origin: string; vkey: string }[], ({ origin }) => origin)
      .entries()
      .reduce(
        (logs, [origin, keys]) =>
          logs.set(
            origin,
            keys.map(({ vkey }) => vkey),
          ),
        new Map<string, readonly string[]>(),
      );
  }

  close(): void {
    this.#database.close();
  }

  #read(origin: string): WitnessState | undefined {
    return this.#load.get(origin) as unknown as WitnessState | undefined;
  }
}

function connect(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 5000 });
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  return database;
}
