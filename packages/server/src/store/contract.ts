import type { DeviceAddress } from "@parley/protocol";

/**
 * What the relay keeps, and what it may rely on. Every driver passes the suite in contract-suite.ts.
 *
 * **Shapes.** A *log* is append-only and numbered from 1 without gaps: one for each room (hash-chained), one for each
 * device (its inbox). A *record* is a small keyed value replaced by compare-and-swap: room, account, name, invite,
 * key-package stock, server record. A *blob* is written once and has a lifetime: a ratchet tree.
 *
 * **Keys.** A room with its log, roster and undelivered Welcomes is one key; a device's inbox another; so are an
 * account, a name, an invite, a device's key packages and a server record. No step is a transaction over two keys, as
 * they may live on two machines. {@link RoomStore.deliverPending} and {@link AccountStore.createAccount} are several
 * steps; each can stop between any two and be repeated from the start.
 *
 * **Durable before acknowledged.** A promise of a writing operation resolves after its effect would survive a loss of
 * power. When it rejects with `storage-unavailable` the effect is unknown: it may be there, wholly, or not at all.
 * Repeating the operation is always safe. When it rejects with any other code, nothing was changed.
 *
 * **Reads** show what has been committed: at least everything that was acknowledged, never an effect that a crash could
 * take back, each key as it was at one moment.
 *
 * **Errors** are `ProtocolError`s. Beside those named at each operation: `storage-unavailable` (disk full, read-only or
 * failing; later success is possible without a restart), `too-large` and `malformed` (above `LIMITS`, wrong length),
 * `shutting-down` (after {@link RelayStore.close}), `internal`.
 *
 * **Ownership.** The store neither changes nor keeps the byte strings it is given; those it hands out must not be
 * changed by the caller.
 */
export interface RelayStore extends RoomStore, InboxStore, AccountStore, KeyPackageStore, InviteStore {
  /** A named value of the server itself (its keys, its log); `undefined` when there is none. */
  getRecord(name: string): Promise<ServerRecord | undefined>;

  /**
   * Replaces a named value if it still has the version that the caller has seen; 0 stands for "there is none".
   * @returns the new version, or `undefined` when another was first (nothing is changed; read again). Repeating a call
   * that succeeded, with the same bytes, answers the same version.
   */
  putRecord(name: string, expectedVersion: number, bytes: Uint8Array): Promise<number | undefined>;

  /** The restore generation (docs/protocol.md §3.1): 1 in a new store. */
  generation(): Promise<number>;

  /**
   * To be called once after a backup was put back: what the store handed out since that backup is not known to it. From
   * then on no one-time key package that was put in an earlier generation is handed out, and every inbox goes on at a
   * number that no earlier generation has used.
   * @param atLeast the lowest generation to go to: higher than any that an earlier restore of the same backup has had.
   * @returns the new generation.
   */
  bumpGeneration(atLeast?: number): Promise<number>;

  /**
   * Writes a copy of the whole store, as it was at one moment not before the call, into the empty file at `path`, in
   * bounded memory and without holding up what is asked meanwhile. A store is opened from it as after a crash.
   */
  copyTo(path: string): Promise<void>;

  /** Sizes and counts for /metrics. May be some seconds old. */
  usage(): Promise<StoreUsage>;

  /**
   * Forgets what has outlived its time: inbox items, Welcomes not yet delivered and ratchet trees
   * (`LIMITS.inboxLifetimeMs`), expired invites, reservations of names that were never completed, traces of key packages
   * handed out long ago.
   */
  expire(nowMs: number): Promise<void>;

  /** Resolves when the store can make something durable now; rejects with `storage-unavailable` when not. */
  checkHealth(): Promise<void>;

  /**
   * Finishes the steps that were asked for, then lets go of every resource. Later calls reject with `shutting-down`, and
   * so does a `createAccount` that has steps left. May be called again.
   */
  close(): Promise<void>;
}

/** Rooms: log, roster, epoch, Welcomes. Ids as in docs/protocol.md §2: 16 bytes for a room and for a client id. */
export interface RoomStore {
  /** A new room at epoch 0 with an empty log and `creator` alone on its roster. `already-exists`. */
  createRoom(creation: RoomCreation): Promise<void>;

  /**
   * Appends an application message or a proposal. Checked in this order:
   * 1. `not-found`: no such room, or `sender` has never been on its roster; `forbidden`: it no longer is.
   * 2. The device has used this client id in this room: the first entry is answered, with `duplicate`, whatever was
   *    sent this time and even when the epoch has moved on.
   * 3. `stale-epoch` with the room's `epoch`: the message is of another one (behind, or, after a restore, ahead).
   * 4. `over-quota`: with it, more than `quotaBytes` of the sender's account would be stored in rooms.
   */
  append(append: Append): Promise<Appended>;

  /**
   * Appends the one commit of an epoch. Checks 1 and 2 as in {@link append}, then a conditional write:
   * `epoch-conflict` {`winnerSeq`, `epoch`} when `epoch` is over, where `winnerSeq` is the commit that stands for it and
   * `epoch` the room's; `stale-epoch` {`epoch`} when the room has not reached `epoch` (the relay was restored).
   *
   * With the entry, in one step: the epoch grows by one; the roster becomes (roster − `removed`) ∪ `added` (at most
   * `LIMITS.roomDevices`, else `too-large`), so that a device in both stays; `groupInfo` replaces the last one; if
   * `added` is not empty, `ratchetTree` is kept for the new epoch and a Welcome for each added device waits in the room
   * for {@link deliverPending}.
   *
   * **Replacement** (`replaces` ≠ 0, docs/protocol.md §5.4): a candidate to stand in for a commit that honest members
   * refuse. `replaces` must be the seq of the commit that stands for `epoch`, and the room must be at `epoch` + 1, else
   * `epoch-conflict` as above (`winnerSeq`: what stands for `epoch`); a commit is so replaced at most once, and its
   * replacement can be replaced in turn. `sender` may be on the roster or be a device that the replaced commit took off
   * it. The epoch does not grow. Nobody loses their place by a commit that may have been void: those that the replaced
   * commit removed come back, those it added stay, then `removed` and `added` apply as above. GroupInfo, tree and
   * Welcomes as above.
   */
  acceptCommit(commit: Commit): Promise<Committed>;

  /**
   * Entries after `afterSeq`, in order and without gaps, as many as fit both limits, but at least one if there is one.
   * Empty when there are none. `not-found`.
   */
  readRoom(room: Uint8Array, afterSeq: number, limits: ReadLimits): Promise<readonly Uint8Array[]>;

  /** `undefined` when there is no such room. */
  roomRecord(room: Uint8Array): Promise<RoomRecord | undefined>;

  /** Whether `device` is on the roster of `room` now; false when there is no such room. */
  isOnRoster(room: Uint8Array, device: DeviceAddress): Promise<boolean>;

  /** The rooms whose roster `device` is on, in no order. */
  roomsOf(device: DeviceAddress): Promise<readonly RoomHead[]>;

  /** The tree of the epoch that an adding commit began; `undefined` when that did not add, or after 45 days. */
  ratchetTree(room: Uint8Array, epoch: number): Promise<EpochState | undefined>;

  /** The newest GroupInfo; `undefined` before the first commit. */
  groupInfo(room: Uint8Array): Promise<EpochState | undefined>;

  /**
   * Copies the Welcomes that wait in `room` into the inboxes of their devices, each exactly once however often this is
   * repeated (the inbox knows (room, seq, device)), and then forgets them in the room. Asked after each adding commit,
   * and at start for each of {@link pendingDeliveries}.
   * @returns what this call put into inboxes.
   */
  deliverPending(room: Uint8Array): Promise<readonly InboxDelivery[]>;

  /** The rooms in which Welcomes wait. */
  pendingDeliveries(): Promise<readonly Uint8Array[]>;
}

/** One inbox for each device, numbered from 1; numbers are never used again. */
export interface InboxStore {
  /**
   * Adds an item. `dedupeKey` (1 to 64 bytes) is chosen by the caller: a key this inbox has seen in the last 45 days,
   * even on an item acknowledged since, adds nothing and is answered with the first one's seq and `duplicate`.
   * `over-quota`: with it, more than `quotaBytes` would wait for the devices of the account.
   */
  appendInbox(post: InboxPost): Promise<InboxAppended>;

  /** Items after `afterSeq`, in order, as many as fit both limits, but at least one if there is one. */
  readInbox(device: DeviceAddress, afterSeq: number, limits: ReadLimits): Promise<readonly InboxItem[]>;

  /** Frees the items up to and including `upTo`. Numbers beyond the newest item are taken as the newest. */
  acknowledgeInbox(device: DeviceAddress, upTo: number): Promise<void>;
}

/** Accounts and the names they claim. The chain's meaning is checked by the relay, not here. */
export interface AccountStore {
  /**
   * A new account that owns its name. Steps, each on one key and each harmless when repeated by the same account:
   * 1. The name is *reserved* by compare-and-swap. `name-taken` when it is another's, was released less than 30 days
   *    ago, or is another's reservation younger than {@link NAME_RESERVATION_MS}.
   * 2. The invite, if given, is used ({@link InviteStore.consumeInvite}; `invite-invalid`). On failure the reservation
   *    is given back.
   * 3. The account record is written. `already-exists` when the account is live under another name or with another
   *    chain; a record of an account that is not live is replaced.
   * 4. The reservation becomes *ownership* by compare-and-swap. `name-taken` when the reservation ran out and another
   *    has it.
   *
   * An account is *live* from step 4 on: its record says which name, and that name's record says it owns it. Everything
   * else (reading, counting, log-in) sees live accounts only, so there is no moment with two owners of a name and no
   * account without one. After a crash between two steps the same account completes its registration by asking again;
   * others may take the name when the reservation has run out. A use of an invite is then spent, but for this account
   * only once.
   * @returns false when the account was live already with this name and chain (a repeated registration).
   */
  createAccount(registration: Registration): Promise<boolean>;

  /** A live account, by its id (32 bytes). */
  account(account: Uint8Array): Promise<AccountRecord | undefined>;

  /** Live accounts in the order of their registration, at most `limit`, after the one whose place is `afterPlace` (0: all). */
  listAccounts(afterPlace: number, limit: number): Promise<readonly ListedAccount[]>;

  /** The live account that owns `name`. */
  accountByName(name: string): Promise<AccountRecord | undefined>;

  /** What is stored of an account; zeros for one that is not known. Commits, which everybody needs, are in it. */
  storedBytes(account: Uint8Array): Promise<StoredBytes>;

  /**
   * Appends to an account's chain if it still has `expectedLength` entries; else `chain-invalid`. Repeating a call that
   * succeeded succeeds. `not-found`; `too-large` beyond `LIMITS.chainEntries`.
   * @returns the chain's new length.
   */
  appendAccountEntry(account: Uint8Array, expectedLength: number, entry: Uint8Array): Promise<number>;

  /**
   * Gives up the name of a live account: the account is live no more, and its name can be claimed by another account 30
   * days after `nowMs`, by this one at once. `not-found`.
   */
  releaseName(account: Uint8Array, nowMs: number): Promise<void>;
}

/** Key packages, by device. */
interface KeyPackageStore {
  /**
   * Adds one-time packages to a device's stock and, if given, replaces its last-resort one. A package that this device
   * has put before (by SHA-256, in the last 180 days) is not added again, whether it was handed out or not.
   * `too-large` when the stock would pass `LIMITS.keyPackageStock`; then nothing is added.
   * @returns the number of one-time packages in stock.
   */
  putKeyPackages(put: KeyPackagePut): Promise<number>;

  /**
   * Takes the oldest one-time package out of stock for good, else answers the last-resort one, which stays.
   * `undefined`: the device cannot be reached. A package whose hand-over failed (`storage-unavailable`, crash) may be
   * lost, but is never handed out twice.
   */
  takeKeyPackage(device: DeviceAddress, nowMs: number): Promise<TakenKeyPackage | undefined>;

  /** The number of one-time packages in stock. */
  keyPackageStock(device: DeviceAddress): Promise<number>;

  /** Takes every package of a revoked device away, the last-resort one too. */
  clearKeyPackages(device: DeviceAddress, nowMs: number): Promise<void>;
}

/** Invites to register. */
interface InviteStore {
  /** `already-exists` when the id is taken; repeating the same creation succeeds. */
  createInvite(invite: InviteRecord): Promise<void>;

  /** `undefined` when unknown or expired and forgotten; `uses` is what is left. */
  invite(id: Uint8Array): Promise<InviteRecord | undefined>;

  /** Invites in the order of their ids, at most `limit`, after `afterId` (empty: from the first on). */
  listInvites(afterId: Uint8Array, limit: number): Promise<readonly InviteRecord[]>;

  /** Forgets an invite: nobody can use it any more. @returns false when there was none. */
  deleteInvite(id: Uint8Array): Promise<boolean>;

  /**
   * Uses an invite once for `account`, by compare-and-swap: of n concurrent users of an invite with one use, one wins.
   * Repeated by the same account it costs nothing more. `invite-invalid`: unknown, other hash, expired, used up.
   */
  consumeInvite(use: InviteUse): Promise<void>;
}

/** How long a name stays reserved for a registration that was begun and not completed. */
export const NAME_RESERVATION_MS = 10 * 60 * 1000;

/** How long after its release a name stays closed to other accounts. */
export const NAME_RELEASE_MS = 30 * 24 * 60 * 60 * 1000;

/** How long the hash of a one-time key package is remembered after it was handed out. */
export const KEY_PACKAGE_MEMORY_MS = 180 * 24 * 60 * 60 * 1000;

/** See {@link RoomStore.createRoom}. */
export interface RoomCreation {
  readonly room: Uint8Array;
  readonly creator: DeviceAddress;
  readonly nowMs: number;
}

/** See {@link RoomStore.append}. `message`: at most `LIMITS.messageBytes`. */
export interface Append {
  readonly room: Uint8Array;
  readonly sender: DeviceAddress;
  readonly clientId: Uint8Array;
  /** The MLS epoch that the message was made in. */
  readonly epoch: number;
  readonly kind: "application" | "proposal";
  readonly message: Uint8Array;
  readonly nowMs: number;
  readonly quotaBytes?: number | undefined;
}

/** What an append came to. */
export interface Appended {
  readonly seq: number;
  readonly receivedAtMs: number;
  /** The bytes of `encodeRoomLogEntry`: exactly what is stored, hashed and delivered. */
  readonly entry: Uint8Array;
  /** This client id had been used before: nothing was appended, and the fields tell of the first entry. */
  readonly duplicate: boolean;
}

/** A device that a commit adds, and the Welcome for it. */
interface AddedDevice {
  readonly device: DeviceAddress;
  readonly item: Uint8Array;
}

/** See {@link RoomStore.acceptCommit}. */
export interface Commit {
  readonly room: Uint8Array;
  readonly sender: DeviceAddress;
  readonly clientId: Uint8Array;
  /** The epoch that the commit ends. */
  readonly epoch: number;
  /** 0, or the seq of the commit of the same epoch that this one stands in for. */
  readonly replaces: number;
  readonly message: Uint8Array;
  readonly added: readonly AddedDevice[];
  readonly removed: readonly DeviceAddress[];
  readonly ratchetTree: Uint8Array;
  readonly groupInfo: Uint8Array;
  readonly nowMs: number;
}

/** What a commit came to; `joined` and `left` are the changes it made to the roster (none when `duplicate`). */
export interface Committed extends Appended {
  readonly joined: readonly DeviceAddress[];
  readonly left: readonly DeviceAddress[];
}

/** How much to read at most. Both are at least 1. */
export interface ReadLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** Where a room stands. */
export interface RoomRecord {
  readonly epoch: number;
  /** Seq of the last entry; 0 when the log is empty. */
  readonly headSeq: number;
  /** SHA-256(head before ‖ last entry); `EMPTY_LOG_HEAD` when the log is empty. */
  readonly headHash: Uint8Array;
  readonly roster: readonly DeviceAddress[];
}

/** Where a room's log ends. */
export interface RoomHead {
  readonly room: Uint8Array;
  readonly seq: number;
  readonly epoch: number;
}

/** A ratchet tree or GroupInfo, and where its epoch begins: the seq of its commit and the log's head right after it. */
export interface EpochState {
  readonly epoch: number;
  readonly seq: number;
  readonly head: Uint8Array;
  readonly bytes: Uint8Array;
}

/** See {@link InboxStore.appendInbox}. */
export interface InboxPost {
  readonly device: DeviceAddress;
  readonly from: DeviceAddress;
  readonly item: Uint8Array;
  readonly dedupeKey: Uint8Array;
  readonly nowMs: number;
  readonly quotaBytes?: number | undefined;
}

/** What {@link InboxStore.appendInbox} came to. */
export interface InboxAppended {
  readonly seq: number;
  readonly receivedAtMs: number;
  readonly duplicate: boolean;
}

/** One item of an inbox. */
export interface InboxItem {
  readonly seq: number;
  readonly from: DeviceAddress;
  readonly receivedAtMs: number;
  readonly item: Uint8Array;
}

/** An item and whose inbox it went into. */
export interface InboxDelivery {
  readonly device: DeviceAddress;
  readonly item: InboxItem;
}

/** See {@link AccountStore.createAccount}. */
export interface Registration {
  readonly account: Uint8Array;
  /** As `isName` allows; else `name-invalid`. */
  readonly name: string;
  readonly nameOpening: Uint8Array;
  readonly chain: readonly Uint8Array[];
  readonly invite?: { readonly id: Uint8Array; readonly secretHash: Uint8Array };
  readonly nowMs: number;
}

/** A live account. */
export interface AccountRecord {
  readonly account: Uint8Array;
  readonly name: string;
  readonly nameOpening: Uint8Array;
  readonly chain: readonly Uint8Array[];
  readonly createdAtMs: number;
}

/** A live account and where it stands among all; places grow, and mean nothing else. */
export interface ListedAccount extends AccountRecord {
  readonly place: number;
}

/** See {@link KeyPackageStore.putKeyPackages}. */
export interface KeyPackagePut {
  readonly device: DeviceAddress;
  readonly packages: readonly Uint8Array[];
  readonly lastResort?: Uint8Array;
  readonly nowMs: number;
}

/** See {@link KeyPackageStore.takeKeyPackage}. */
export interface TakenKeyPackage {
  readonly keyPackage: Uint8Array;
  readonly lastResort: boolean;
}

/** An invite. `secretHash`: SHA-256 of the secret, 32 bytes. `inviter` is absent when the operator made it. */
export interface InviteRecord {
  readonly id: Uint8Array;
  readonly secretHash: Uint8Array;
  readonly expiresAtMs: number;
  readonly uses: number;
  readonly inviter?: Uint8Array;
}

/** See {@link InviteStore.consumeInvite}. */
export interface InviteUse {
  readonly id: Uint8Array;
  readonly secretHash: Uint8Array;
  readonly account: Uint8Array;
  readonly nowMs: number;
}

/** See {@link RelayStore.getRecord}. */
export interface ServerRecord {
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** See {@link AccountStore.storedBytes}. */
export interface StoredBytes {
  /** Entries that the account's devices have put into rooms. */
  readonly roomBytes: number;
  /** Items that wait in the inboxes of its devices. */
  readonly inboxBytes: number;
}

/** See {@link RelayStore.usage}. */
export interface StoreUsage {
  /** Live accounts. */
  readonly accounts: number;
  readonly rooms: number;
  /** Entries in all room logs. */
  readonly entries: number;
  /** Inbox items not yet acknowledged. */
  readonly inboxItems: number;
  /** One-time key packages in stock. */
  readonly keyPackages: number;
  /** Bytes on disk, journals included. */
  readonly storageBytes: number;
}
