import { bytesEqual, idText, LIMITS, ProtocolError } from "@parley/protocol";
import type { ChainEntry } from "@parley/trust";
import {
  chainEntryHash,
  decodeChainEntry,
  handleCommitment,
  TrustError,
  verifyServerChain,
} from "@parley/trust";
import type { HashReader, NodeId, OpenedCheckpoint } from "@parley/trust/tlog";
import {
  buildForkEvidence,
  CompactTree,
  hashLeaf,
  MerkleTree,
  noteVerifier,
  openCheckpoint,
  TlogError,
  treeRoot,
} from "@parley/trust/tlog";
import type { Clock } from "../connection/clock.ts";
import type { AnswerTo, RelayConnection } from "../connection/connection.ts";
import { ConnectionError } from "../connection/connection.ts";
import type { ClientStore, StoreChange } from "../store/client-store.ts";
import type { LogEntry, ReplicaHead } from "./log-records.ts";
import { entryRows, LogRecords, nodeRow } from "./log-records.ts";

/** A view of the log: how many entries, and the root of their tree. */
export interface LogView {
  readonly size: number;
  readonly root: Uint8Array;
}

/** The log was shown with two histories. `evidence`: that its key signed both, if it did. */
export class LogForked extends Error {
  override readonly name = "LogForked";
  readonly evidence: Uint8Array | undefined;

  constructor(evidence: Uint8Array | undefined) {
    super("the server shows another history of its log than before");
    this.evidence = evidence;
  }
}

/** Of a relay that was never restored. */
const FIRST_GENERATION = 1;

type ShownCheckpoint = OpenedCheckpoint & { readonly vkey: string };

/** What the replica tells of each entry that it took in. */
export interface ReplicaEntry extends LogEntry {
  readonly number: number;
  /** Undefined when it is no chain entry: a log that holds such a thing is not to be believed in this. */
  readonly read: ChainEntry | undefined;
  /** Id of the account whose chain it is in; undefined for a server's. */
  readonly account: Uint8Array | undefined;
  /** The name that it claims and, with its opening, proves to claim. */
  readonly provenName: string | undefined;
}

/**
 * This device's copy of the relay's log (trust.md §B, "all-entries audit"): every entry, recomputed to the root that
 * the log key signed, and never replaced. So what is in it is in the log, and there is nothing else in the log.
 */
export class LogReplica implements HashReader {
  readonly records: LogRecords;
  readonly #store: ClientStore;
  readonly #clock: Clock;

  constructor({ store, clock }: { readonly store: ClientStore; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
    this.records = new LogRecords(store);
  }

  get head(): ReplicaHead | undefined {
    return this.records.head;
  }

  async readHashes(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    return nodes.map((node) => this.records.hash(node));
  }

  /** The root that the log had at `size`, which must not be above the head's. */
  rootAt(size: number): Promise<Uint8Array> {
    return treeRoot(size, this);
  }

  /** Opens a checkpoint by the log's key. Throws TlogError. */
  async open(note: Uint8Array, vkey: string): Promise<OpenedCheckpoint> {
    const verifier = noteVerifier(vkey);
    const checkpoint = await openCheckpoint(note, [verifier]);
    if (checkpoint.origin !== verifier.name)
      throw new TlogError("unknown-log", "a checkpoint of another log");
    return checkpoint;
  }

  /**
   * Brings the copy up to the checkpoint that the connection's hello carries, or to the `newest` one. Entries go to disk
   * in batches; the head moves when they have led to the signed root. `onEntry` hears of each entry, before that.
   *
   * Throws ConnectionError `server-rolled-back` when the log has become shorter, `not-a-relay` when what is shown does not
   * hold together, and {@link LogForked}.
   *
   * @returns whether the copy has grown; undefined when the relay keeps no log.
   */
  async sync(
    connection: RelayConnection,
    {
      newest = false,
      onEntry,
    }: { readonly newest?: boolean; readonly onEntry: (entry: ReplicaEntry) => void },
  ): Promise<boolean | undefined> {
    let note = newest ? await newestCheckpoint(connection) : connection.hello.checkpoint;
    const { head } = this;
    if (note.length === 0 && !head) return undefined;
    const announced = await announcedKey(connection);
    let checkpoint = await this.#openShown(note, announced);
    if (head && checkpoint.size < head.size && (await this.#repair(connection, checkpoint.size))) {
      note = await newestCheckpoint(connection);
      checkpoint = await this.#openShown(note, announced);
    }
    if (head && checkpoint.origin !== head.origin) throw rolledBack();
    if (head && checkpoint.size < head.size) throw shorter(connection, head.size - checkpoint.size);
    const grown = checkpoint.size > (head?.size ?? 0);
    const tree = new CompactTree(head?.size, head?.edge);
    const pending = grown ? await this.#takeIn(connection, { tree, size: checkpoint.size, onEntry }) : [];
    if (!bytesEqual(tree.root, checkpoint.root)) throw await this.#forked(connection, { note, checkpoint });
    const { origin, vkey, size, root } = checkpoint;
    const edge = tree.edge.map((hash) => hash.slice());
    const syncedAtMs = this.#clock.nowMs();
    this.records.commit(
      { origin, vkey, size, root: root.slice(), edge, note: note.slice(), syncedAtMs },
      pending,
    );
    return grown;
  }

  /** Evidence that the log's key signed another history than this copy; `note` must not be larger. Throws TlogError. */
  evidenceAgainst(note: Uint8Array): Promise<Uint8Array> {
    const { head } = this;
    if (!head) throw new TlogError("out-of-range", "there is no copy of the log");
    return buildForkEvidence({ log: head.vkey, checkpoints: [note, head.note], tree: this });
  }

  /** Gives a relay that was put back from a backup what its log lacks. @returns whether it has taken it. */
  async #repair(connection: RelayConnection, from: number): Promise<boolean> {
    const { head } = this;
    if (!head || connection.hello.generation <= FIRST_GENERATION) return false;
    if (head.size - from > LIMITS.logEntries) return false;
    const entries = [...this.records.entries(from, head.size)];
    const sizeBytes = entries.reduce((sum, { entry }) => sum + entry.length, 0);
    if (sizeBytes > LIMITS.logAnswerBytes) return false;
    const offered = entries.map(({ entry, opening }) => ({ entry, opening }));
    try {
      await connection.request({ kind: "repair-log", from, checkpoint: head.note, entries: offered }, "done");
      return true;
    } catch (error) {
      if (error instanceof ProtocolError) return false;
      throw error;
    }
  }

  async #openShown(note: Uint8Array, vkey: string | undefined): Promise<ShownCheckpoint> {
    if (note.length === 0) throw rolledBack();
    if (vkey === undefined)
      throw new ConnectionError("not-a-relay", "The server shows a log that it does not own");
    try {
      return { ...(await this.open(note, vkey)), vkey };
    } catch (cause) {
      if (!(cause instanceof TlogError)) throw cause;
      throw new ConnectionError("not-a-relay", "The server's log is not signed by its key", { cause });
    }
  }

  /** Takes in the entries up to `size`. All but the returned rows are in the store. */
  async #takeIn(
    connection: RelayConnection,
    {
      tree,
      size,
      onEntry,
    }: { readonly tree: CompactTree; readonly size: number; readonly onEntry: (entry: ReplicaEntry) => void },
  ): Promise<readonly StoreChange[]> {
    let rows: StoreChange[] = [];
    for await (const batch of fetchEntries(connection, tree.size, size)) {
      this.#store.write(rows);
      rows = [];
      for (const { entry, opening } of batch) {
        const taken = understood(tree.size, { entry: entry.slice(), opening });
        const { number, account } = taken;
        rows.push(
          ...entryRows(number, taken, { account: account && idText(account), claims: taken.provenName }),
        );
        tree.append(hashLeaf(taken.entry), (node, hash) => {
          const row = nodeRow(node, hash);
          if (row) rows.push(row);
        });
        onEntry(taken);
      }
    }
    return rows;
  }

  /** Finds out whether the log's key signed a history that is not the one this copy holds. */
  async #forked(
    connection: RelayConnection,
    { note, checkpoint }: { readonly note: Uint8Array; readonly checkpoint: ShownCheckpoint },
  ): Promise<Error> {
    const { head } = this;
    const { vkey } = checkpoint;
    const tree = new MerkleTree();
    for await (const batch of fetchEntries(connection, 0, checkpoint.size)) {
      for (const { entry } of batch) tree.append(hashLeaf(entry));
    }
    const holds = bytesEqual(tree.rootAt(tree.size), checkpoint.root);
    if (!head)
      return new ConnectionError("not-a-relay", "The server's log does not lead to the root it has signed");
    const signed = holds || checkpoint.size === head.size;
    if (!signed || vkey !== head.vkey) return new LogForked(undefined);
    try {
      return new LogForked(await buildForkEvidence({ log: vkey, checkpoints: [head.note, note], tree }));
    } catch (error) {
      if (error instanceof TlogError) return new LogForked(undefined);
      throw error;
    }
  }
}

function provenNameOf(read: ChainEntry, opening: LogEntry["opening"]): string | undefined {
  const handle = claimOf(read);
  if (!handle || opening?.opening.length !== 32) return undefined;
  return bytesEqual(handle, handleCommitment(opening.name, opening.opening)) ? opening.name : undefined;
}

/** The commitment of an entry that claims a name. */
export function claimOf(entry: ChainEntry | undefined): Uint8Array | undefined {
  const claims = entry?.type === "account-genesis" || entry?.type === "handle-set";
  return claims ? entry.body.handle.commitment : undefined;
}

/** Reads an entry of the log. */
export function understood(number: number, logged: LogEntry): ReplicaEntry {
  let read: ChainEntry;
  try {
    read = decodeChainEntry(logged.entry);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return { ...logged, number, read: undefined, account: undefined, provenName: undefined };
  }
  const ofServer = read.type.startsWith("server-");
  const ofAccount = read.type === "account-genesis" ? chainEntryHash(logged.entry) : read.subject;
  const account = ofServer ? undefined : ofAccount;
  return { ...logged, number, read, account, provenName: provenNameOf(read, logged.opening) };
}

/** Entries [from, size) in order, the next answer asked for while one is worked on. */
async function* fetchEntries(connection: RelayConnection, from: number, size: number) {
  const ask = (start: number): Promise<AnswerTo<"log-entries">> => {
    const max = Math.min(LIMITS.logEntries, size - start);
    return connection.request({ kind: "log-entries", from: start, max }, "log-entries");
  };
  let next = from < size ? ask(from) : undefined;
  while (next) {
    const { from: start, entries } = await next;
    const end = start + entries.length;
    if (start !== from || entries.length === 0 || end > size) {
      throw new ConnectionError("not-a-relay", "The server does not give the entries of its log");
    }
    from = end;
    next = end < size ? ask(end) : undefined;
    next?.catch(() => {});
    yield entries;
  }
}

async function newestCheckpoint(connection: RelayConnection): Promise<Uint8Array> {
  const answer = await connection.request({ kind: "log-entries", from: 0, max: 0 }, "log-entries");
  return answer.checkpoint;
}

async function announcedKey({ hello }: RelayConnection): Promise<string | undefined> {
  try {
    return (await verifyServerChain(hello.serverChain)).meta.logKey;
  } catch (cause) {
    if (cause instanceof TrustError)
      throw new ConnectionError("not-a-relay", "The server's keys do not hold", { cause });
    throw cause;
  }
}

/** A restored relay says so in its statement, and can be helped (docs/protocol.md §3.3). */
function shorter({ hello }: RelayConnection, missing: number): ConnectionError {
  if (hello.generation <= FIRST_GENERATION) return rolledBack();
  return new ConnectionError(
    "server-rolled-back",
    `The server was put back from a backup and lacks ${missing} entries of its log that you hold: give its operator the file of \`parley log export\``,
  );
}

function rolledBack(): ConnectionError {
  return new ConnectionError(
    "server-rolled-back",
    "The server has gone back behind the log that it showed before",
  );
}
