import { sha256 } from "@noble/hashes/sha2.js";
import { idText } from "@parley/protocol";
import type {
  AccountState,
  CheckMethod,
  Decided,
  LedgerStatement,
  StatementLedger,
  TrustSubject,
} from "@parley/trust";
import { appendStatements, decodeLedger, EMPTY_LEDGER, encodeLedger } from "@parley/trust";
import type { Clock } from "../connection/clock.ts";
import type { ClientStore, StoreChange } from "../store/client-store.ts";
import { seqKey } from "../store/record.ts";

/** An account as what is said about it names it. */
export function accountSubject(id: Uint8Array): TrustSubject {
  return { kind: "account", id };
}

/**
 * What the user of this account has said of others, one row for each statement: rows are added, never changed and never
 * deleted (trust.md §A1, "Stored"). What they mean is derived at each read.
 */
export class StatementBook {
  readonly #store: ClientStore;
  readonly #clock: Clock;
  readonly #device: number;
  #ledger: StatementLedger;

  constructor({
    store,
    clock,
    device,
  }: {
    readonly store: ClientStore;
    readonly clock: Clock;
    /** Number of this device. */
    readonly device: number;
  }) {
    this.#store = store;
    this.#clock = clock;
    this.#device = device;
    const rows = store.range("statement").flatMap(([, value]) => decodeLedger(value).statements);
    this.#ledger = appendStatements(EMPTY_LEDGER, rows);
  }

  get ledger(): StatementLedger {
    return this.#ledger;
  }

  /** A statement of this device, now, about an account whose chain is verified. */
  about({ accountId, head }: AccountState, method: CheckMethod | Decided): LedgerStatement {
    return {
      subject: accountSubject(accountId),
      keyHash: head,
      method,
      atMs: this.#clock.nowMs(),
      device: this.#device,
    };
  }

  /** What stores a statement, for a write with other changes; {@link adopt} it when that is done. */
  change(statement: LedgerStatement): StoreChange {
    const value = encodeLedger({ statements: [statement] });
    const key = `${seqKey(statement.atMs)}.${idText(sha256(value)).slice(0, 16)}`;
    return { kind: "put", collection: "statement", key, value };
  }

  /** Takes a statement into memory that is on disk now. */
  adopt(statement: LedgerStatement): void {
    this.#ledger = appendStatements(this.#ledger, [statement]);
  }

  append(statement: LedgerStatement): void {
    this.#store.write([this.change(statement)]);
    this.adopt(statement);
  }
}
