import type { SQLInputValue, StatementSync } from "node:sqlite";
import type { Connection } from "./connection.ts";

/** Rows that one statement writes, when there are so many. */
const ROWS_AT_ONCE = 16;

/** Writes rows of one table, several with each statement: a call into SQLite costs about as much as a row. */
export class RowWriter {
  readonly #connection: Connection;
  readonly #columns: number;
  readonly #one: StatementSync;
  readonly #many: StatementSync;

  constructor(connection: Connection, table: string, columns: readonly string[]) {
    this.#connection = connection;
    this.#columns = columns.length;
    const row = `(${columns.map(() => "?").join()})`;
    const insert = `INSERT INTO ${table} (${columns.join()}) VALUES`;
    this.#one = connection.prepare(`${insert} ${row}`);
    this.#many = connection.prepare(`${insert} ${Array<string>(ROWS_AT_ONCE).fill(row).join()}`);
  }

  /** @param values row after row. */
  write(values: readonly SQLInputValue[]): void {
    const many = ROWS_AT_ONCE * this.#columns;
    let at = 0;
    for (; at + many <= values.length; at += many)
      this.#connection.run(this.#many, ...values.slice(at, at + many));
    for (; at < values.length; at += this.#columns)
      this.#connection.run(this.#one, ...values.slice(at, at + this.#columns));
  }
}
