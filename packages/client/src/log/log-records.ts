import type { NodeId } from "@parley/trust/tlog";
import { CompactTree, hashLeaf } from "@parley/trust/tlog";
import type { ClientStore, StoreChange } from "../store/client-store.ts";
import { keysUnder, StoreError } from "../store/client-store.ts";
import { decodeRecord, encodeRecord, seqKey } from "../store/record.ts";

/** What opens the commitment that a chain shows in place of a name. */
interface NameOpening {
  readonly name: string;
  readonly opening: Uint8Array;
}

/** One entry of the log, with the opening of its name commitment where the relay gives one. */
export interface LogEntry {
  readonly entry: Uint8Array;
  readonly opening?: NameOpening | undefined;
}

/** Where the replica ends: everything before was recomputed, and led to the root that the log signed. */
export interface ReplicaHead {
  readonly origin: string;
  /** The log's key, as the server's chain named it. */
  readonly vkey: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** Hashes of `coveringNodes(0, size)`. */
  readonly edge: readonly Uint8Array[];
  /** The signed checkpoint. */
  readonly note: Uint8Array;
  readonly syncedAtMs: number;
}

const HEAD_KEY = "head";
const NOTHING = new Uint8Array(0);
/** Tree level of the hashes that are kept: one for 256 entries. */
const KEPT_LEVEL = 8;
const KEPT_WIDTH = 2 ** KEPT_LEVEL;

/**
 * The replica's rows in the client's store. Whatever is numbered at or above the head's size is left over from a sync
 * that did not end, and counts for nothing; index rows only point, so who reads them looks at the entry itself.
 */
export class LogRecords {
  readonly #store: ClientStore;
  #head: ReplicaHead | undefined;

  constructor(store: ClientStore) {
    this.#store = store;
    const value = store.get("log-head", HEAD_KEY);
    this.#head = value && decodeRecord<ReplicaHead>(value);
  }

  /** Undefined before the first sync. */
  get head(): ReplicaHead | undefined {
    return this.#head;
  }

  /** Moves the head, with the last rows before it. */
  commit(head: ReplicaHead, changes: readonly StoreChange[]): void {
    const value = encodeRecord(head);
    this.#store.write([...changes, { kind: "put", collection: "log-head", key: HEAD_KEY, value }]);
    this.#head = head;
  }

  /** An entry of the replica. Throws StoreError `unreadable` for one that should be there and is not. */
  entry(number: number): LogEntry {
    const value = this.#store.get("log-entry", seqKey(number));
    if (!value)
      throw new StoreError("unreadable", "an entry of the server's log is missing from the local store");
    return decodeRecord<LogEntry>(value);
  }

  /** Entries [from, end) in order. */
  *entries(from: number, end: number): Generator<LogEntry> {
    const size = this.#head?.size ?? 0;
    for (let start = from; start < Math.min(end, size); start += KEPT_WIDTH) {
      const below = Math.min(start + KEPT_WIDTH, end, size);
      const rows = this.#store.range("log-entry", { from: seqKey(start), below: seqKey(below) });
      for (const [, value] of rows) yield decodeRecord<LogEntry>(value);
    }
  }

  /** Numbers of the entries that may be of this account, in order. */
  numbersOf(accountText: string): readonly number[] {
    return this.#numbers(`subject/${accountText}/`);
  }

  /** Numbers of the entries that may claim this name, in order. */
  claimsOf(name: string): readonly number[] {
    return this.#numbers(`name/${name}/`);
  }

  /** The hash of a complete subtree; the node must lie within the replica. */
  hash({ level, index }: NodeId): Uint8Array {
    const tree = new CompactTree();
    if (level < KEPT_LEVEL) {
      const start = index * 2 ** level;
      for (const { entry } of this.entries(start, start + 2 ** level)) tree.append(hashLeaf(entry));
      return tree.root;
    }
    const width = 2 ** (level - KEPT_LEVEL);
    const [from, below] = [index * width, (index + 1) * width].map((place) => `tree/${seqKey(place)}`);
    for (const [, hash] of this.#store.range("log-index", { from: from ?? "", below: below ?? "" }))
      tree.append(hash);
    return tree.root;
  }

  #numbers(prefix: string): readonly number[] {
    const size = this.#head?.size ?? 0;
    return this.#store
      .range("log-index", keysUnder(prefix))
      .map(([key]) => Number.parseInt(key.slice(prefix.length), 16))
      .filter((number) => number < size);
  }
}

/** The rows that an entry adds. `account`: whose chain it is in, if an account's; `claims`: the name it proves to claim. */
export function entryRows(
  number: number,
  { entry, opening }: LogEntry,
  { account, claims }: { readonly account?: string | undefined; readonly claims?: string | undefined },
): StoreChange[] {
  const place = seqKey(number);
  const rows: StoreChange[] = [
    { kind: "put", collection: "log-entry", key: place, value: encodeRecord({ entry, opening }) },
  ];
  if (account !== undefined) {
    rows.push({ kind: "put", collection: "log-index", key: `subject/${account}/${place}`, value: NOTHING });
  }
  if (claims !== undefined) {
    rows.push({ kind: "put", collection: "log-index", key: `name/${claims}/${place}`, value: NOTHING });
  }
  return rows;
}

/** The row that a completed node of the tree adds, if it is one that is kept. */
export function nodeRow({ level, index }: NodeId, hash: Uint8Array): StoreChange | undefined {
  if (level !== KEPT_LEVEL) return undefined;
  return { kind: "put", collection: "log-index", key: `tree/${seqKey(index)}`, value: hash };
}
