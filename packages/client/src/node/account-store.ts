import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Secret } from "@parley/trust";
import type { ClientStore, Collection } from "../store/client-store.ts";
import { COLLECTIONS, StoreError } from "../store/client-store.ts";
import { giveRecoveryWordsOut, removeRecoveryWordsFile, takeRecoveryWordsIn } from "./account-folder.ts";
import { SealedStore } from "./sealed-store.ts";
import { SqliteStore } from "./sqlite-store.ts";
import type { PasswordCost } from "./store-key.ts";
import { makeStoreKey, unwrapStoreKey } from "./store-key.ts";

const STORE_FILE = "client.db";
const NEW_FILE = "client.db.new";
const SEAL: Collection = "seal";
const HEADER_KEY = "header";
const BATCH_ROWS = 1000;
const OVERWRITE_BYTES = 1024 * 1024;

/** Opens the store of an account's folder; the caller closes it. Throws StoreError, `locked` for a sealed one. */
export function openStore(folder: string): SqliteStore {
  const store = openFile(folder);
  try {
    if (headerOf(store)) throw new StoreError("locked", "this account is locked with a password");
    giveRecoveryWordsOut(store, folder);
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Whether a folder's store is sealed with a password. */
export function isSealed(folder: string): boolean {
  if (!existsSync(join(folder, STORE_FILE))) return false;
  const store = openFile(folder);
  try {
    return headerOf(store) !== undefined;
  } finally {
    store.close();
  }
}

/** A store that is open, and whether a password is the one it was opened with. */
export interface UnlockedStore {
  readonly store: ClientStore;
  /** Undefined for a store without a password. Takes as long as opening. The caller wipes the password. */
  readonly isPassword: ((password: Secret) => Promise<boolean>) | undefined;
}

/**
 * Opens a folder's store, sealed or not; `askPassword` is called only when it is, and what it gives is wiped. The
 * caller closes the store. Throws StoreError: `wrong-password`, `unreadable` for a damaged header, and as {@link openStore}.
 */
export async function unlockStore(
  folder: string,
  askPassword: () => Promise<Secret>,
): Promise<UnlockedStore> {
  const file = openFile(folder);
  let opened: ClientStore = file;
  try {
    const header = headerOf(file);
    if (!header) {
      giveRecoveryWordsOut(file, folder);
      return { store: file, isPassword: undefined };
    }
    const password = await askPassword();
    const key = await unwrapStoreKey(header, password).finally(() => password.wipe());
    const store = new SealedStore(file, key);
    opened = store;
    takeRecoveryWordsIn(store, folder);
    removeRecoveryWordsFile(folder);
    return { store, isPassword: (given) => opens(header, given) };
  } catch (error) {
    opened.close();
    throw error;
  }
}

async function opens(header: Uint8Array, password: Secret): Promise<boolean> {
  try {
    const key = await unwrapStoreKey(header, password);
    key.wipe();
    return true;
  } catch (error) {
    if (error instanceof StoreError && error.code === "wrong-password") return false;
    throw error;
  }
}

/** What {@link changePassword} needs. */
export interface PasswordChange {
  /** The caller holds its lock; no store of it is open. */
  readonly folder: string;
  /** Called when the store is sealed now; what it gives is wiped. */
  readonly current: () => Promise<Secret>;
  /** The password from now on, wiped; undefined to take the seal away. */
  readonly next: Secret | undefined;
  readonly cost?: PasswordCost;
  /** Called between the writes, so that tests can see what a kill there would leave. */
  readonly unsafeTestingStep?: () => void;
}

/**
 * Seals a folder's store with a new key under a new password, or takes the seal away. All of it is written to a second
 * file, which takes the place of the first at once: killed at any moment, the folder opens as before or as asked.
 * Throws what {@link unlockStore} throws; the folder is then as before.
 */
export async function changePassword({
  folder,
  current,
  next,
  cost,
  unsafeTestingStep: step = () => undefined,
}: PasswordChange): Promise<void> {
  const file = join(folder, STORE_FILE);
  const newFile = join(folder, NEW_FILE);
  const { store: source, isPassword } = await unlockStore(folder, current).catch((error: unknown) => {
    next?.wipe();
    throw error;
  });
  try {
    const target = await newStore(newFile, next, cost);
    try {
      step();
      copyRows(source, target, step);
      if (next) takeRecoveryWordsIn(target, folder);
    } finally {
      target.close();
    }
  } finally {
    source.close();
    next?.wipe();
  }
  step();
  const old = openSync(file, "r+");
  try {
    replaceFile(file, newFile);
    step();
    if (!isPassword) overwrite(old);
  } finally {
    closeSync(old);
  }
  if (next) removeRecoveryWordsFile(folder);
  else openStore(folder).close();
}

/** What a change that was killed has left is of no use, and may be clear. */
function openFile(folder: string): SqliteStore {
  const store = new SqliteStore(join(folder, STORE_FILE));
  removeDatabase(join(folder, NEW_FILE));
  return store;
}

function headerOf(store: ClientStore): Uint8Array | undefined {
  return store.get(SEAL, HEADER_KEY);
}

async function newStore(
  file: string,
  password: Secret | undefined,
  cost: PasswordCost | undefined,
): Promise<ClientStore> {
  removeDatabase(file);
  if (!password) return new SqliteStore(file);
  const { key, header } = await makeStoreKey(password, cost);
  const store = new SqliteStore(file);
  store.write([{ kind: "put", collection: SEAL, key: HEADER_KEY, value: header }]);
  return new SealedStore(store, key);
}

function copyRows(source: ClientStore, target: ClientStore, step: () => void): void {
  for (const collection of COLLECTIONS) {
    if (collection === SEAL) continue;
    let from = "";
    for (;;) {
      const rows = source.range(collection, { from, limit: BATCH_ROWS });
      target.write(rows.map(([key, value]) => ({ kind: "put", collection, key, value })));
      const last = rows.at(-1);
      if (last === undefined || rows.length < BATCH_ROWS) break;
      // Keys are printable: nothing lies between a key and this.
      from = `${last[0]}\u0001`;
      step();
    }
  }
}

/** With a log beside it, a database is less than its file; the log of the one would be taken for that of the other. */
function replaceFile(file: string, newFile: string): void {
  for (const log of [`${file}-wal`, `${newFile}-wal`]) {
    if (existsSync(log)) throw new StoreError("unavailable", "the local store could not be closed");
  }
  syncPath(newFile);
  renameSync(newFile, file);
  if (process.platform !== "win32") syncPath(dirname(file));
}

/** The file has no name any more, but its blocks still hold what was clear. */
function overwrite(file: number): void {
  const zeros = new Uint8Array(OVERWRITE_BYTES);
  const { size } = fstatSync(file);
  for (let at = 0; at < size; ) at += writeSync(file, zeros, 0, Math.min(zeros.length, size - at), at);
  fsyncSync(file);
}

function syncPath(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function removeDatabase(file: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(`${file}${suffix}`, { force: true });
}
