import { LIMITS } from "@parley/protocol";
import type { RelayStore, StoreUsage } from "../contract.ts";
import { KEY_PACKAGE_MEMORY_MS } from "../contract.ts";
import { registerAccount } from "../registration.ts";
import { ACCOUNT_EXPIRY, Accounts, COUNT_ACCOUNTS } from "./accounts.ts";
import { Connection, StoreOpenError } from "./connection.ts";
import { copyDatabase } from "./copy-database.ts";
import { DeviceNumbers } from "./devices.ts";
import type { Memory, UnsafeTestingCommit, UnsafeTestingSync } from "./group-commit.ts";
import { GroupCommit } from "./group-commit.ts";
import { Inboxes } from "./inboxes.ts";
import { Invites } from "./invites.ts";
import { KeyPackages } from "./key-packages.ts";
import { RoomLogs } from "./room-log.ts";
import { Rooms } from "./rooms.ts";
import { ServerRecords } from "./server-records.ts";
import { StoredBytesOf } from "./stored-bytes.ts";

/** How to open a store of one SQLite file. */
export interface SqliteStoreOptions {
  /** The database file; it and missing folders are created, readable by their owner only. */
  readonly path: string;
  /** Entries whose place in the file may be known in memory only; a start reads about as many again. */
  readonly maxUnsettledEntries?: number;
  readonly unsafeTestingCommit?: UnsafeTestingCommit;
  readonly unsafeTestingSync?: UnsafeTestingSync;
}

const MAX_UNSETTLED_ENTRIES = 64 * 1024;

const EXPIRY: readonly string[] = [
  `DELETE FROM inbox_items WHERE received_at_ms <= :now - ${LIMITS.inboxLifetimeMs}`,
  `DELETE FROM inbox_keys WHERE received_at_ms <= :now - ${LIMITS.inboxLifetimeMs}`,
  `DELETE FROM welcomes WHERE kept_at_ms <= :now - ${LIMITS.inboxLifetimeMs}`,
  `DELETE FROM ratchet_trees WHERE kept_at_ms <= :now - ${LIMITS.inboxLifetimeMs}`,
  `UPDATE key_packages SET package = NULL, taken_at_ms = :now
   WHERE package IS NOT NULL AND generation < (SELECT value FROM meta WHERE key = 'generation')`,
  `DELETE FROM key_packages WHERE package IS NULL AND taken_at_ms <= :now - ${KEY_PACKAGE_MEMORY_MS}`,
  "DELETE FROM invite_uses WHERE invite IN (SELECT id FROM invites WHERE expires_at_ms <= :now)",
  "DELETE FROM invites WHERE expires_at_ms <= :now",
  ...ACCOUNT_EXPIRY,
];

function startGroupCommit(
  connection: Connection,
  memory: Memory,
  { path, unsafeTestingCommit: commit, unsafeTestingSync: sync }: SqliteStoreOptions,
): GroupCommit {
  try {
    return new GroupCommit(connection, memory, { commit, sync });
  } catch (error) {
    connection.close();
    throw new StoreOpenError("damaged", `the room logs in ${path} are damaged`, error);
  }
}

/**
 * Opens the store of a relay that runs on one machine: one file, one process, group commit (life of an entry: see
 * README.md beside this file). Throws `StoreOpenError`.
 */
export function openSqliteStore(options: SqliteStoreOptions): RelayStore {
  const { path, maxUnsettledEntries = MAX_UNSETTLED_ENTRIES } = options;
  const connection = new Connection(path);
  const devices = new DeviceNumbers(connection);
  const logs = new RoomLogs(connection, devices, maxUnsettledEntries);
  const storedBytes = new StoredBytesOf(connection, logs);
  const rooms = new Rooms(connection, devices, { logs, storedBytes });
  const inboxes = new Inboxes(connection, devices, { logs, storedBytes });
  const accounts = new Accounts(connection);
  const records = new ServerRecords(connection);
  const keyPackages = new KeyPackages(connection, devices, records);
  const invites = new Invites(connection);
  const memory = {
    reload(): void {
      devices.forget();
      logs.reload();
    },
    beforeCommit: (operations: number) => logs.endBatch(operations),
  };
  const group = startGroupCommit(connection, memory, options);
  const expiry = EXPIRY.map((sql) => connection.prepare(sql));
  for (const statement of expiry) statement.setAllowUnknownNamedParameters(true);
  const probe = connection.prepare("UPDATE meta SET value = value + 1 WHERE key = 'probe'");
  const counts = {
    accounts: connection.prepare(COUNT_ACCOUNTS),
    rooms: connection.prepare("SELECT count(*) AS count FROM rooms"),
    entries: connection.prepare("SELECT coalesce(max(id), 0) AS count FROM entries"),
    inboxItems: connection.prepare("SELECT count(*) AS count FROM inbox_items"),
    keyPackages: connection.prepare(
      `SELECT count(*) AS count FROM key_packages
       WHERE package IS NOT NULL AND generation = (SELECT value FROM meta WHERE key = 'generation')`,
    ),
  };
  const count = (name: keyof typeof counts) => (counts[name].get() as { count: number }).count;

  return {
    createRoom: (creation) => group.write(() => rooms.create(creation)),
    append: (append) => group.write(() => rooms.append(append)),
    acceptCommit: (commit) => group.write(() => rooms.acceptCommit(commit)),
    readRoom: (room, afterSeq, limits) => group.read(() => rooms.read(room, afterSeq, limits)),
    roomRecord: (room) => group.read(() => rooms.record(room)),
    isOnRoster: (room, device) => group.read(() => rooms.isOnRoster(room, device)),
    roomsOf: (device) => group.read(() => rooms.roomsOf(device)),
    ratchetTree: (room, epoch) => group.read(() => rooms.ratchetTree(room, epoch)),
    groupInfo: (room) => group.read(() => rooms.groupInfo(room)),
    deliverPending: (room) => group.write(() => inboxes.deliverPending(room)),
    pendingDeliveries: () => group.read(() => inboxes.pendingDeliveries()),

    appendInbox: (post) => group.write(() => inboxes.append(post)),
    readInbox: (device, afterSeq, limits) => group.read(() => inboxes.read(device, afterSeq, limits)),
    acknowledgeInbox: (device, upTo) => group.write(() => inboxes.acknowledge(device, upTo)),

    createAccount: (registration) =>
      registerAccount(
        {
          isRegistered: (it) => group.read(() => accounts.isRegistered(it)),
          reserveName: (it) => group.write(() => accounts.reserveName(it)),
          giveNameBack: (it) => group.write(() => accounts.giveNameBack(it)),
          consumeInvite: (use) => group.write(() => invites.consume(use)),
          putAccount: (it) => group.write(() => accounts.putAccount(it)),
          ownName: (it) => group.write(() => accounts.ownName(it)),
        },
        registration,
      ),
    account: (account) => group.read(() => accounts.account(account)),
    listAccounts: (afterPlace, limit) => group.read(() => accounts.list(afterPlace, limit)),
    accountByName: (name) => group.read(() => accounts.accountByName(name)),
    storedBytes: (account) => group.read(() => storedBytes.of(account)),
    appendAccountEntry: (account, expectedLength, entry) =>
      group.write(() => accounts.appendEntry(account, expectedLength, entry)),
    releaseName: (account, nowMs) => group.write(() => accounts.releaseName(account, nowMs)),

    putKeyPackages: (put) => group.write(() => keyPackages.put(put)),
    takeKeyPackage: (device, nowMs) => group.write(() => keyPackages.take(device, nowMs)),
    keyPackageStock: (device) => group.read(() => keyPackages.stock(device)),
    clearKeyPackages: (device, nowMs) => group.write(() => keyPackages.clear(device, nowMs)),

    createInvite: (invite) => group.write(() => invites.create(invite)),
    invite: (id) => group.read(() => invites.get(id)),
    consumeInvite: (use) => group.write(() => invites.consume(use)),
    listInvites: (afterId, limit) => group.read(() => invites.list(afterId, limit)),
    deleteInvite: (id) => group.write(() => invites.delete(id)),

    getRecord: (name) => group.read(() => records.get(name)),
    putRecord: (name, expectedVersion, bytes) => group.write(() => records.put(name, expectedVersion, bytes)),
    generation: () => group.read(() => records.generation()),
    bumpGeneration: (atLeast = 0) => group.write(() => records.bumpGeneration(atLeast)),
    copyTo: (path) => copyDatabase(connection.database, path),

    usage: () =>
      group.read<StoreUsage>(() => ({
        accounts: count("accounts"),
        rooms: count("rooms"),
        entries: count("entries"),
        inboxItems: count("inboxItems"),
        keyPackages: count("keyPackages"),
        storageBytes: connection.storageBytes(),
      })),
    expire: (nowMs) =>
      group.write(() => {
        connection.writes++;
        for (const statement of expiry) statement.run({ now: nowMs });
      }),
    checkHealth: () =>
      group.write(() => {
        connection.run(probe);
      }),
    async close() {
      await group.close();
      connection.close();
    },
  };
}
