import { sha256 } from "@noble/hashes/sha2.js";
import { bytesEqual, idText } from "@parley/protocol";
import { TlogError, verifyForkEvidence } from "@parley/trust/tlog";
import { ChatError } from "../chat/chat.ts";
import type { Clock } from "../connection/clock.ts";
import type { RelayConnection } from "../connection/connection.ts";
import { ConnectionError } from "../connection/connection.ts";
import type { TrustSettings } from "../policy/trust-settings.ts";
import { WitnessedLog } from "../policy/witnessed-log.ts";
import { NotAuthorised } from "../rooms/authorization.ts";
import { DirectoryUnavailable } from "../rooms/directory.ts";
import type { ClientStore, StoreChange } from "../store/client-store.ts";
import { keysUnder } from "../store/client-store.ts";
import { decodeRecord, encodeRecord } from "../store/record.ts";
import type { AuditFinding, LookedUpAccount } from "./log-audit.ts";
import { auditAccount } from "./log-audit.ts";
import type { Finding } from "./log-monitor.ts";
import { LogMonitor } from "./log-monitor.ts";
import type { LogView } from "./log-replica.ts";
import { LogForked, LogReplica } from "./log-replica.ts";

const FORK_KEY = "fork";
const ALARM_PREFIX = "alarm/";
const GOSSIP_PREFIX = "gossip/";
const GOSSIP_PERIOD_MS = 60 * 60 * 1000;
const REFRESH_MS = 10 * 60 * 1000;
/** First wait for cosignatures that are not there yet; each further one is twice as long, up to {@link REFRESH_MS}. */
const COSIGNED_MS = 1000;

/** A member's view of the log, as it travels inside an encrypted message: of which log, how many entries, which root. */
export interface TreeHead extends LogView {
  /** SHA-256 of the log's origin. */
  readonly originHash: Uint8Array;
}

/** What members send each other when their views differ. */
export interface LogAlarm {
  /** The sender's signed checkpoint. */
  readonly note: Uint8Array;
  /** Proof that the log's key signed two histories, if the sender could make it. */
  readonly evidence?: Uint8Array | undefined;
}

/** What the watch needs of the chat around it. */
export interface LogWatchOptions {
  readonly store: ClientStore;
  readonly clock: Clock;
  /** Whose cosignatures the log needs. */
  readonly settings: TrustSettings;
  readonly me: { readonly account: Uint8Array; readonly name: string };
  readonly ownChain: () => readonly Uint8Array[] | undefined;
  readonly connection: () => RelayConnection | undefined;
  /** Puts a sentence into the timeline of one room, or of every room. */
  readonly tell: (text: string, room?: string) => void;
  /** Sends an alarm into one room, or into every room. */
  readonly send: (alarm: LogAlarm, room?: string) => void;
  /** Keeps proof of a fork where the person finds it. @returns where, for a sentence. */
  readonly keepEvidence: (evidence: Uint8Array) => string;
  /** The alarms changed. */
  readonly onChange: () => void;
  /** The user's witnesses have signed more of the log, or lately again. */
  readonly onWitnessed: () => void;
  /** A fault that nobody waits for. */
  readonly onFault: (error: unknown) => void;
  /** Believes the relay whatever its log says, so that tests can show what that would let by. */
  readonly unsafeTestingIgnoreLog?: boolean;
}

interface StoredFork {
  readonly evidence?: Uint8Array | undefined;
  readonly text: string;
}

/**
 * Keeps the replica of the server's log, holds accounts against it, compares views with other members, and raises the
 * alarm (trust.md §B, "Gossip and monitoring"). What was proven to be a fork freezes adding people; what a member only
 * says does not, but makes both sides show what the log has signed.
 */
export class LogWatch {
  readonly #options: LogWatchOptions;
  readonly #replica: LogReplica;
  readonly #monitor: LogMonitor;
  /** How the log stands with the user's witnesses. */
  readonly witnessed: WitnessedLog;
  #alarms: readonly string[];
  #syncing: Promise<void> = Promise.resolve();
  readonly #doubted = new Set<string>();
  #cancelRefresh: () => void = () => {};
  #cosignedMs = COSIGNED_MS;

  constructor(options: LogWatchOptions) {
    const { store, me, ownChain } = options;
    this.#options = options;
    this.#alarms = loadAlarms(store);
    this.#replica = new LogReplica(options);
    const { records } = this.#replica;
    this.#monitor = new LogMonitor({ records, store, me, ownChain });
    this.witnessed = new WitnessedLog({ ...options, records });
  }

  get replica(): LogReplica {
    return this.#replica;
  }

  /** How much of the log is known; undefined before the first sync, or when the relay keeps none. */
  get view(): LogView | undefined {
    const { head } = this.#replica;
    return head && { size: head.size, root: head.root };
  }

  /** What is wrong, each one sentence, the oldest first. */
  get alarms(): readonly string[] {
    return this.#alarms;
  }

  /** Proof that the server's log forked, if there is any. */
  get evidence(): Uint8Array | undefined {
    return this.#fork()?.evidence;
  }

  /** Syncs to the connection's hello, and from then on now and then. Throws what `LogReplica.sync` throws, but for forks. */
  async connected(connection: RelayConnection): Promise<void> {
    if (this.#options.unsafeTestingIgnoreLog) return;
    await this.#sync(connection, false);
    this.#scheduleRefresh();
  }

  disconnected(): void {
    this.#cancelRefresh();
  }

  /** Syncs to the newest checkpoint. Throws like {@link connected}. */
  refresh(connection: RelayConnection): Promise<void> {
    return this.#sync(connection, true);
  }

  /** Holds the copy against the user's witnesses, as after each sync: their list has changed. */
  async judge(): Promise<void> {
    const more = await this.witnessed.judge();
    if (!this.witnessed.isBehind) this.#cosignedMs = COSIGNED_MS;
    if (more) this.#options.onWitnessed();
    this.#options.onChange();
  }

  /** Throws ChatError `refused` while nobody may be added. */
  requireUnfrozen(): void {
    const fork = this.#fork();
    if (fork) throw new ChatError("refused", `nobody can be added now: ${fork.text}`);
  }

  /**
   * Throws NotAuthorised unless the log holds exactly this chain, and nobody claimed the name before; and
   * DirectoryUnavailable when that cannot be found out. Without a log at the relay, everything passes.
   * @returns false when the log has a newer chain: look up again.
   */
  async requireLogged(account: LookedUpAccount): Promise<boolean> {
    const connection = this.#options.connection();
    if (!connection) throw new DirectoryUnavailable("not connected");
    const keepsNoLog = !this.#replica.head && connection.hello.checkpoint.length === 0;
    if (keepsNoLog || this.#options.unsafeTestingIgnoreLog) return true;
    const finding = (await this.#audit(account)) && (await this.#auditAnew(account, connection));
    if (!finding) {
      this.witnessed.met(account.account);
      return true;
    }
    if (finding.kind === "ahead") return false;
    throw new NotAuthorised(this.#explain(account, finding));
  }

  /** The view to put into a message to this room, if it is time to; `changes` gets the note that it was sent. */
  gossipFor(
    room: string,
    changes: { put: (...change: [StoreChange["collection"], string, Uint8Array]) => void },
  ) {
    const { head } = this.#replica;
    const nowMs = this.#options.clock.nowMs();
    const key = `${GOSSIP_PREFIX}${room}`;
    const last = this.#options.store.get("log-head", key);
    if (!head || (last && decodeRecord<{ atMs: number }>(last).atMs > nowMs - GOSSIP_PERIOD_MS))
      return undefined;
    changes.put("log-head", key, encodeRecord({ atMs: nowMs }));
    const tree: TreeHead = { originHash: hashOf(head.origin), size: head.size, root: head.root };
    return tree;
  }

  /** A member told its view, inside a message. */
  heard(room: string, name: string, tree: TreeHead): void {
    this.#inBackground(async () => {
      const { head } = this.#replica;
      if (!head) return;
      const sameLog = bytesEqual(tree.originHash, hashOf(head.origin));
      if (sameLog && (await this.#agrees(tree))) return;
      this.#doubt(
        room,
        `${name} was shown another log of this server than you; the two are being compared`,
        tree.root,
      );
    });
  }

  /** A member's view differs from somebody's, and it shows what it has. */
  heardAlarm(room: string, name: string, { note, evidence }: LogAlarm): void {
    this.#inBackground(async () => {
      const { head } = this.#replica;
      if (!head) return;
      try {
        if (evidence) {
          await verifyForkEvidence(evidence, head.vkey);
          return this.#forked(evidence);
        }
        const shown = await this.#replica.open(note, head.vkey);
        const agrees = await this.#agrees(shown);
        if (agrees) return;
        if (agrees === undefined) {
          this.#doubt(room, `the server shows ${name} more of its log than you`, shown.root);
          return;
        }
        this.#proved(await this.#replica.evidenceAgainst(note));
      } catch (error) {
        if (!(error instanceof TlogError)) throw error;
        // A note that the log never signed says something of its sender only.
      }
    });
  }

  /** Whether a view that came by a road of its own agrees with the copy; undefined when it cannot be told yet. */
  async agrees(view: LogView): Promise<boolean | undefined> {
    return this.#replica.head ? this.#agrees(view) : undefined;
  }

  /** A view from outside the server, like an invite's, contradicts what the server shows. */
  contradicted(text: string): void {
    this.#freeze({ text });
  }

  async #audit(account: LookedUpAccount): Promise<AuditFinding | undefined> {
    return auditAccount(this.#replica.records, account, this.#options.clock.nowMs());
  }

  async #auditAnew(account: LookedUpAccount, connection: RelayConnection): Promise<AuditFinding | undefined> {
    try {
      await this.refresh(connection);
    } catch (error) {
      if (error instanceof ConnectionError) throw new DirectoryUnavailable(error.message);
      throw error;
    }
    return this.#audit(account);
  }

  #explain({ account, name }: LookedUpAccount, finding: AuditFinding): string {
    switch (finding.kind) {
      case "behind":
      case "ahead":
        return `an account for ${name} that is not in the server's log`;
      case "other-chain":
        return `other keys for ${name} than the server's log holds`;
      case "hidden-name":
        this.#raise([
          { key: `hidden/${idText(account)}`, text: `the server hides in its log whose name ${name} is` },
        ]);
        return `an account for ${name} whose name the server's log does not show`;
      case "name-claimed":
        this.#raise([
          { key: `twice/${idText(account)}`, text: `the server gave a second account for the name ${name}` },
        ]);
        return `a second account for ${name}: in the server's log that name is another's`;
    }
  }

  /** One sync after the other. */
  #sync(connection: RelayConnection, newest: boolean): Promise<void> {
    const synced = this.#syncing.then(() => this.#syncNow(connection, newest));
    this.#syncing = synced.catch(() => {});
    return synced;
  }

  /** A log that is proven to have forked is not followed any further. */
  async #syncNow(connection: RelayConnection, newest: boolean): Promise<void> {
    if (this.evidence) return;
    this.#monitor.begin();
    try {
      const grown = await this.#replica.sync(connection, {
        newest,
        onEntry: (entry) => this.#monitor.see(entry),
      });
      if (grown !== undefined) this.#raise(this.#monitor.findings());
      await this.judge();
      if (this.witnessed.isBehind && this.#options.connection() === connection) this.#scheduleRefresh();
    } catch (error) {
      if (!(error instanceof LogForked)) throw error;
      if (error.evidence) this.#proved(error.evidence);
      else this.#freeze({ text: "the server shows another history of its log than before" });
    }
  }

  /** Syncs when the view is larger than the copy. Undefined: it is larger still, the server shows less here. */
  async #agrees({ size, root }: LogView): Promise<boolean | undefined> {
    const connection = this.#options.connection();
    if (size > (this.view?.size ?? 0) && connection) await this.refresh(connection);
    if (size > (this.view?.size ?? 0)) return undefined;
    return bytesEqual(await this.#replica.rootAt(size), root);
  }

  #doubt(room: string, text: string, root: Uint8Array): void {
    const { head } = this.#replica;
    const key = `${room} ${idText(root)}`;
    if (!head || this.#doubted.has(key)) return;
    this.#doubted.add(key);
    this.#options.tell(text, room);
    this.#options.send({ note: head.note, evidence: this.evidence }, room);
  }

  /** This device made the proof: everybody gets it. */
  #proved(evidence: Uint8Array): void {
    const { head } = this.#replica;
    if (this.evidence || !head) return;
    this.#forked(evidence);
    this.#options.send({ note: head.note, evidence });
  }

  #forked(evidence: Uint8Array): void {
    if (this.evidence) return;
    const kept = this.#options.keepEvidence(evidence);
    const text = `this server's log shows different people different things; the proof is ${kept}`;
    this.#freeze({ text, evidence });
  }

  #freeze(fork: StoredFork): void {
    const before = this.#fork();
    if (before && (before.evidence || !fork.evidence)) return;
    this.#options.store.write([
      { kind: "put", collection: "log-head", key: FORK_KEY, value: encodeRecord(fork) },
    ]);
    this.#raise([{ key: fork.evidence ? "fork-proven" : "fork", text: `${fork.text}. Nobody can be added` }]);
  }

  #fork(): StoredFork | undefined {
    const value = this.#options.store.get("log-head", FORK_KEY);
    return value && decodeRecord<StoredFork>(value);
  }

  #raise(findings: readonly Finding[]): void {
    const { store, clock, tell, onChange } = this.#options;
    const fresh = findings.filter(({ key }) => !store.get("log-head", ALARM_PREFIX + key));
    if (fresh.length === 0) return;
    store.write(
      fresh.map(({ key, text }): StoreChange => {
        const value = encodeRecord({ text, atMs: clock.nowMs() });
        return { kind: "put", collection: "log-head", key: ALARM_PREFIX + key, value };
      }),
    );
    this.#alarms = loadAlarms(store);
    for (const { text } of fresh) tell(`ALARM: ${text}`);
    onChange();
  }

  #scheduleRefresh(): void {
    this.#cancelRefresh();
    const delayMs = this.witnessed.isBehind ? this.#cosignedMs : REFRESH_MS;
    this.#cancelRefresh = this.#options.clock.setTimer(delayMs, () => {
      const connection = this.#options.connection();
      if (!connection) return;
      this.#cosignedMs = Math.min(2 * this.#cosignedMs, REFRESH_MS);
      this.#inBackground(async () => {
        try {
          await this.refresh(connection);
        } finally {
          if (this.#options.connection() === connection) this.#scheduleRefresh();
        }
      });
    });
  }

  #inBackground(task: () => Promise<void>): void {
    task().catch((error: unknown) => {
      // The next connection meets the same server, and stops for the same reason.
      if (error instanceof ConnectionError) this.#options.connection()?.close();
      else this.#options.onFault(error);
    });
  }
}

function loadAlarms(store: ClientStore): readonly string[] {
  return store
    .range("log-head", keysUnder(ALARM_PREFIX))
    .map(([, value]) => decodeRecord<{ text: string; atMs: number }>(value))
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ text }) => text);
}

function hashOf(origin: string): Uint8Array {
  return sha256(new TextEncoder().encode(origin));
}
