import { chmodSync, closeSync, existsSync, fdatasync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { SQLInputValue, StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { MIGRATIONS } from "./schema.ts";

/** Why a database could not be opened. */
export type StoreOpenCode =
  /** Another process has it open. */
  | "in-use"
  /** It was written by a newer release. */
  | "schema-newer"
  /** The file is there, but it is no store of this program. */
  | "not-a-store"
  /** It is a store, but entries are missing or cannot be read: restore a backup. */
  | "damaged"
  /** The folder or file cannot be created or read. */
  | "inaccessible";

/** Thrown when a store is opened; meant for the operator, who has to do something. */
export class StoreOpenError extends Error {
  override readonly name = "StoreOpenError";
  readonly code: StoreOpenCode;

  constructor(code: StoreOpenCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const APPLICATION_ID = 0x7061726c;
const PAGE_CACHE_KIB = 32 * 1024;
const CHECKPOINT_PAGES = 4000;
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

const syncFile = promisify(fdatasync);

const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;
/** ERROR, INTERNAL, TOOBIG, CONSTRAINT, MISMATCH, MISUSE, RANGE: our fault, not the disk's. */
const PROGRAM_FAULTS: ReadonlySet<number> = new Set([1, 2, 18, 19, 20, 21, 25]);

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number")
    return undefined;
  return error.errcode & 0xff;
}

/** Whether `error` says that the disk, and not this program, is at fault (full, read-only, failing, damaged). */
export function isStorageFault(error: unknown): boolean {
  const code = resultCode(error);
  return code !== undefined && !PROGRAM_FAULTS.has(code);
}

/**
 * One SQLite file, open for this process alone, brought to the newest schema. Files are readable by their owner only.
 *
 * SQLite writes commits to its journal and does not wait for the disk (`synchronous=NORMAL`): a commit is durable when a
 * {@link syncJournal} that was begun after it has resolved. Checkpoints are left to {@link checkpoint}, and sync by
 * themselves.
 */
export class Connection {
  readonly database: DatabaseSync;
  readonly #path: string;
  readonly #journal: number;
  readonly #journalLength: StatementSync;
  /** Statements run through {@link run} so far: whether an operation has written yet. */
  writes = 0;

  /** Opens `path`, creating it and its folders. Throws {@link StoreOpenError}. */
  constructor(path: string) {
    this.#path = path;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      closeSync(openSync(path, "a", 0o600));
      chmodSync(path, 0o600);
    } catch (error) {
      throw new StoreOpenError("inaccessible", `cannot create ${path}`, error);
    }
    this.database = new DatabaseSync(path, { timeout: 1000 });
    try {
      this.#configure();
      this.#journalLength = this.database.prepare("PRAGMA wal_checkpoint(NOOP)");
      this.#journal = openSync(`${path}-wal`, "r+");
    } catch (error) {
      this.database.close();
      throw this.#openError(error);
    }
  }

  #openError(error: unknown): unknown {
    const code = resultCode(error);
    if (code === SQLITE_BUSY)
      return new StoreOpenError("in-use", `${this.#path} is open in another process`, error);
    if (code === SQLITE_NOTADB)
      return new StoreOpenError("not-a-store", `${this.#path} is not a database`, error);
    if (isStorageFault(error)) return new StoreOpenError("inaccessible", `cannot read ${this.#path}`, error);
    return error;
  }

  #number(pragma: string): number {
    return Object.values(this.database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0] as number;
  }

  #configure(): void {
    this.database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA cache_size = -${PAGE_CACHE_KIB};
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = ${WAL_KEPT_BYTES};
      BEGIN IMMEDIATE;
    `);
    try {
      this.#migrate();
      this.database.exec("COMMIT; PRAGMA synchronous = NORMAL");
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw error;
    }
  }

  #migrate(): void {
    const version = this.#number("user_version");
    const isEmpty = this.database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
    if (!isEmpty && this.#number("application_id") !== APPLICATION_ID) {
      throw new StoreOpenError("not-a-store", `${this.#path} belongs to another program`);
    }
    if (version > MIGRATIONS.length) {
      const known = `schema ${version}, this release knows ${MIGRATIONS.length}`;
      throw new StoreOpenError("schema-newer", `${this.#path} was written by a newer release (${known})`);
    }
    for (const script of MIGRATIONS.slice(version)) this.database.exec(script);
    this.database.exec(
      `PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length}`,
    );
  }

  /** Prepares a statement for the life of the connection. */
  prepare(sql: string): StatementSync {
    return this.database.prepare(sql);
  }

  /** Runs a writing statement. @returns the number of rows it changed. */
  run(statement: StatementSync, ...values: SQLInputValue[]): number {
    this.writes++;
    return Number(statement.run(...values).changes);
  }

  /** Undoes the open transaction, if any; a failed COMMIT may have undone it already. */
  rollback(): void {
    if (this.database.isTransaction) this.database.exec("ROLLBACK");
  }

  /** Makes durable what was committed before. Rejects with the system's error, and then nobody knows what is. */
  async syncJournal(): Promise<void> {
    await syncFile(this.#journal);
  }

  /** Whether the journal is so long that a {@link checkpoint} is due. */
  get isCheckpointDue(): boolean {
    const { log } = this.#journalLength.get() as { log: number };
    return log >= CHECKPOINT_PAGES;
  }

  /** Copies the journal into the file, so that the journal begins again. Holds everything up for the time it takes. */
  checkpoint(): void {
    this.database.exec("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /** Copies the journal into the file and empties it: afterwards everything that was committed is durable. */
  foldJournal(): void {
    this.database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** Bytes on disk, journal included. */
  storageBytes(): number {
    const files = [this.#path, `${this.#path}-wal`].filter((file) => existsSync(file));
    return files.reduce((sum, file) => sum + statSync(file).size, 0);
  }

  /** Folds the journal into the file and lets go of it. May be asked again. */
  close(): void {
    if (!this.database.isOpen) return;
    this.database.close();
    closeSync(this.#journal);
  }
}
