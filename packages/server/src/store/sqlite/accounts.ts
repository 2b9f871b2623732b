import type { StatementSync } from "node:sqlite";
import { bytesEqual, LIMITS, ProtocolError } from "@parley/protocol";
import type { AccountRecord, ListedAccount, Registration } from "../contract.ts";
import { NAME_RELEASE_MS, NAME_RESERVATION_MS } from "../contract.ts";
import type { Connection } from "./connection.ts";
import { expectLength } from "./devices.ts";

const RESERVED = 0;
const OWNED = 1;
const RELEASED = 2;

interface NameRow {
  readonly account: Uint8Array;
  readonly state: typeof RESERVED | typeof OWNED | typeof RELEASED;
  readonly at_ms: number;
}

interface AccountRow {
  readonly account: Uint8Array;
  readonly name: string;
  readonly name_opening: Uint8Array;
  readonly created_at_ms: number;
  readonly chain_length: number;
}

const IS_LIVE = `EXISTS (
  SELECT 1 FROM names WHERE names.name = accounts.name AND names.account = accounts.account AND names.state = ${OWNED}
)`;

/** Steps on names and accounts, each on one of them (contract.ts, `AccountStore.createAccount`). */
export class Accounts {
  readonly #connection: Connection;
  readonly #statements: Record<
    | "name"
    | "setName"
    | "dropReservation"
    | "live"
    | "list"
    | "chain"
    | "chainEntry"
    | "putAccount"
    | "clearChain"
    | "addChainEntry"
    | "setLength",
    StatementSync
  >;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#statements = {
      name: connection.prepare("SELECT account, state, at_ms FROM names WHERE name = ?"),
      setName: connection.prepare(
        "INSERT OR REPLACE INTO names (name, account, state, at_ms) VALUES (?, ?, ?, ?)",
      ),
      dropReservation: connection.prepare(
        `DELETE FROM names WHERE name = ? AND account = ? AND state = ${RESERVED}`,
      ),
      live: connection.prepare(`SELECT * FROM accounts WHERE account = ? AND ${IS_LIVE}`),
      list: connection.prepare(
        `SELECT rowid AS place, * FROM accounts WHERE rowid > ? AND ${IS_LIVE} ORDER BY rowid LIMIT ?`,
      ),
      chain: connection.prepare("SELECT bytes FROM chain_entries WHERE account = ? ORDER BY place"),
      chainEntry: connection.prepare("SELECT bytes FROM chain_entries WHERE account = ? AND place = ?"),
      putAccount: connection.prepare(
        `INSERT OR REPLACE INTO accounts (account, name, name_opening, created_at_ms, chain_length)
         VALUES (?, ?, ?, ?, ?)`,
      ),
      clearChain: connection.prepare("DELETE FROM chain_entries WHERE account = ?"),
      addChainEntry: connection.prepare("INSERT INTO chain_entries (account, place, bytes) VALUES (?, ?, ?)"),
      setLength: connection.prepare("UPDATE accounts SET chain_length = ? WHERE account = ?"),
    };
  }

  isRegistered({ account, name, chain }: Registration): boolean {
    const live = this.account(account);
    if (!live) return false;
    const isSame =
      live.name === name &&
      chain.every((entry, place) => {
        const known = live.chain[place];
        return known !== undefined && bytesEqual(known, entry);
      });
    if (!isSame) throw new ProtocolError("already-exists", "account");
    return true;
  }

  reserveName({ account, name, nowMs }: Registration): void {
    const row = this.#statements.name.get(name) as NameRow | undefined;
    if (row && bytesEqual(row.account, account)) {
      if (row.state !== OWNED) this.#connection.run(this.#statements.setName, name, account, RESERVED, nowMs);
      return;
    }
    const closedForMs = row && {
      [RESERVED]: NAME_RESERVATION_MS,
      [OWNED]: Infinity,
      [RELEASED]: NAME_RELEASE_MS,
    };
    if (row && closedForMs && nowMs < row.at_ms + closedForMs[row.state])
      throw new ProtocolError("name-taken");
    this.#connection.run(this.#statements.setName, name, account, RESERVED, nowMs);
  }

  giveNameBack({ account, name }: Registration): void {
    this.#connection.run(this.#statements.dropReservation, name, account);
  }

  putAccount(registration: Registration): void {
    const { account, name, nameOpening, chain, nowMs } = registration;
    if (this.isRegistered(registration)) return;
    this.#connection.run(this.#statements.putAccount, account, name, nameOpening, nowMs, chain.length);
    this.#connection.run(this.#statements.clearChain, account);
    for (const [place, entry] of chain.entries()) {
      this.#connection.run(this.#statements.addChainEntry, account, place, entry);
    }
  }

  ownName({ account, name, nowMs }: Registration): void {
    const row = this.#statements.name.get(name) as NameRow | undefined;
    if (!row || !bytesEqual(row.account, account) || row.state === RELEASED)
      throw new ProtocolError("name-taken");
    if (row.state === RESERVED) this.#connection.run(this.#statements.setName, name, account, OWNED, nowMs);
  }

  releaseName(account: Uint8Array, nowMs: number): void {
    const { name } = this.#expectLive(account);
    this.#connection.run(this.#statements.setName, name, account, RELEASED, nowMs);
  }

  account(account: Uint8Array): AccountRecord | undefined {
    expectLength(account, 32);
    const row = this.#statements.live.get(account) as AccountRow | undefined;
    return row && this.#record(row);
  }

  list(afterPlace: number, limit: number): readonly ListedAccount[] {
    const rows = this.#statements.list.all(afterPlace, limit) as unknown as (AccountRow & {
      place: number;
    })[];
    return rows.map((row) => ({ ...this.#record(row), place: row.place }));
  }

  #record({
    account,
    name,
    name_opening: nameOpening,
    created_at_ms: createdAtMs,
  }: AccountRow): AccountRecord {
    const chain = (this.#statements.chain.all(account) as { bytes: Uint8Array }[]).map(({ bytes }) => bytes);
    return { account, name, nameOpening, chain, createdAtMs };
  }

  accountByName(name: string): AccountRecord | undefined {
    const row = this.#statements.name.get(name) as NameRow | undefined;
    const found = row?.state === OWNED ? this.account(row.account) : undefined;
    return found?.name === name ? found : undefined;
  }

  appendEntry(account: Uint8Array, expectedLength: number, entry: Uint8Array): number {
    if (entry.length > LIMITS.chainEntryBytes) throw new ProtocolError("too-large", "chain entry");
    const { chain_length: length } = this.#expectLive(account);
    if (expectedLength !== length) {
      const known = this.#statements.chainEntry.get(account, expectedLength) as
        | { bytes: Uint8Array }
        | undefined;
      if (known && bytesEqual(known.bytes, entry)) return expectedLength + 1;
      throw new ProtocolError("chain-invalid", "another entry was first");
    }
    if (length >= LIMITS.chainEntries) throw new ProtocolError("too-large", "chain");
    this.#connection.run(this.#statements.addChainEntry, account, length, entry);
    this.#connection.run(this.#statements.setLength, length + 1, account);
    return length + 1;
  }

  #expectLive(account: Uint8Array): AccountRow {
    expectLength(account, 32);
    const row = this.#statements.live.get(account) as AccountRow | undefined;
    if (!row) throw new ProtocolError("not-found", "account");
    return row;
  }
}

/** Forgets, at `:now`, reservations that ran out, names free again, and what belongs to no name (see `expire`). */
export const ACCOUNT_EXPIRY: readonly string[] = [
  `DELETE FROM names WHERE state = ${RESERVED} AND at_ms <= :now - ${NAME_RESERVATION_MS}`,
  `DELETE FROM names WHERE state = ${RELEASED} AND at_ms <= :now - ${NAME_RELEASE_MS}`,
  `DELETE FROM names WHERE state = ${OWNED} AND at_ms <= :now - ${NAME_RESERVATION_MS} AND NOT EXISTS (
     SELECT 1 FROM accounts WHERE accounts.account = names.account AND accounts.name = names.name)`,
  `DELETE FROM accounts WHERE created_at_ms <= :now - ${NAME_RESERVATION_MS} AND NOT EXISTS (
     SELECT 1 FROM names WHERE names.account = accounts.account AND names.name = accounts.name)`,
  "DELETE FROM chain_entries WHERE account NOT IN (SELECT account FROM accounts)",
];

/** Counts live accounts. */
export const COUNT_ACCOUNTS = `SELECT count(*) AS count FROM accounts WHERE ${IS_LIVE}`;
