import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesEqual } from "@parley/protocol";
import type { Invite, ServerPin } from "@parley/trust";
import { recoveryWordsOf, Secret, seedFromRecoveryWords, TrustError } from "@parley/trust";
import type { RecoveryWordsReminder } from "../chat/chat-parts.ts";
import { greetingChange } from "../chat/invite-links.ts";
import type { EnrolledAccount } from "../connection/enrolment.ts";
import type { ServerPins } from "../connection/server-trust.ts";
import { contactChange } from "../rooms/account-directory.ts";
import type { ClientStore, StoreChange } from "../store/client-store.ts";
import { decodeRecord, encodeRecord } from "../store/record.ts";

const ACCOUNT_KEY = "account";
const WORDS_KEY = "recovery-words";
const WORDS_FILE = "recovery-words.txt";
/** Stands where the file's path would. */
const SEALED_WORDS = "sealed with your password: `parley password words` prints them";

/** The account as it is kept. SECRET. */
interface StoredAccount {
  readonly host: string;
  readonly name: string;
  readonly nameOpening: Uint8Array;
  readonly account: Uint8Array;
  readonly device: number;
  readonly chain: readonly Uint8Array[];
  readonly deviceSeed: Uint8Array;
  readonly rootSeed: Uint8Array;
  readonly nextRootSeed: Uint8Array;
  readonly invite?: (Omit<Invite, "secret"> & { readonly secret: Uint8Array }) | undefined;
  /** The relay has it. */
  readonly registered: boolean;
}

/** An account of this machine. The recovery seed is only in the words' file. */
type KeptAccount = EnrolledAccount & { readonly registered: boolean };

/** The account in a client's store; undefined before the first enrolment. */
export function loadAccount(store: ClientStore): KeptAccount | undefined {
  const value = store.get("value", ACCOUNT_KEY);
  if (!value) return undefined;
  const stored = decodeRecord<StoredAccount>(value);
  const pin = store.get("pin", stored.host);
  if (!pin) return undefined;
  return {
    host: stored.host,
    name: stored.name,
    nameOpening: stored.nameOpening,
    device: { account: stored.account, device: stored.device },
    chain: stored.chain,
    deviceSeed: new Secret(stored.deviceSeed),
    rootSeed: new Secret(stored.rootSeed),
    nextRootSeed: new Secret(stored.nextRootSeed),
    pin: decodeRecord<ServerPin>(pin),
    invite: stored.invite && { ...stored.invite, secret: new Secret(stored.invite.secret) },
    registered: stored.registered,
  };
}

/** Keeps an account, its server's pin, and what it owes to the one who invited it, in one write. */
export function saveAccount(store: ClientStore, account: EnrolledAccount, registered: boolean): void {
  const { device, invite, deviceSeed, rootSeed, nextRootSeed, pin, ...rest } = account;
  const stored: StoredAccount = {
    ...rest,
    ...device,
    deviceSeed: deviceSeed.expose(),
    rootSeed: rootSeed.expose(),
    nextRootSeed: nextRootSeed.expose(),
    invite: invite && { ...invite, secret: invite.secret.expose() },
    registered,
  };
  const changes: StoreChange[] = [
    { kind: "put", collection: "value", key: ACCOUNT_KEY, value: encodeRecord(stored) },
    pinChange(account.host, pin),
  ];
  if (registered) {
    const { name, nameOpening, chain } = account;
    changes.push(contactChange({ account: device.account, name, nameOpening, chain }));
  }
  if (invite?.inviter && registered) {
    const { inviter, id, secret, room, checkpoint: view } = invite;
    const greeting = { inviter, invite: id, secret: secret.expose(), room, view, posted: false };
    changes.push(greetingChange(greeting));
  }
  store.write(changes);
}

/** Forgets an account that the relay has refused. */
export function discardAccount(store: ClientStore, folder: string): void {
  store.write([
    { kind: "delete", collection: "value", key: ACCOUNT_KEY },
    { kind: "delete", collection: "value", key: WORDS_KEY },
  ]);
  removeRecoveryWordsFile(folder);
}

/** Remembers a server. */
export function pinChange(host: string, pin: ServerPin): StoreChange {
  return { kind: "put", collection: "pin", key: host, value: encodeRecord(pin) };
}

/** The servers remembered in a client's store. */
export function pinsOf(store: ClientStore): ServerPins {
  return {
    get: async (host) => {
      const value = store.get("pin", host);
      return value && decodeRecord<ServerPin>(value);
    },
    put: async (host, pin) => {
      store.write([pinChange(host, pin)]);
    },
  };
}

/** What is kept of words that are not confirmed. `text` is the file's, in a sealed store, where there is no file. SECRET. */
interface StoredWords {
  readonly hash: Uint8Array;
  readonly text?: string | undefined;
}

/** Writes the recovery words to a file that only its owner can read, for the person to copy to paper. */
export function writeRecoveryWords(
  store: ClientStore,
  folder: string,
  recoverySeed: Secret,
  name: string,
): void {
  const text = [
    `Recovery words of ${name}. Write them on paper, then type them in the chat after /words; this file goes away.`,
    "Whoever has them can add a device to this account.",
    "",
    ...inColumns(recoveryWordsOf(recoverySeed).split(" ")),
    "",
  ].join("\n");
  writeWordsFile(folder, text);
  keepWords(store, { hash: sha256(recoverySeed.expose()) });
}

function writeWordsFile(folder: string, text: string): void {
  const file = join(folder, WORDS_FILE);
  rmSync(file, { force: true });
  writeFileSync(file, text, { mode: 0o600, flag: "wx" });
}

function keepWords(store: ClientStore, words: StoredWords): void {
  store.write([{ kind: "put", collection: "value", key: WORDS_KEY, value: encodeRecord(words) }]);
}

function storedWords(store: ClientStore): StoredWords | undefined {
  const value = store.get("value", WORDS_KEY);
  return value && decodeRecord<StoredWords>(value);
}

/** Copies the words' file into a sealed store; the file may go then. Nothing when there is none. */
export function takeRecoveryWordsIn(store: ClientStore, folder: string): void {
  const words = storedWords(store);
  const text = readRecoveryWordsFile(folder);
  if (words && words.text === undefined && text !== undefined) keepWords(store, { ...words, text });
}

/** Makes the words' file again from a store that is not sealed any more. Nothing when it holds no words. */
export function giveRecoveryWordsOut(store: ClientStore, folder: string): void {
  const words = storedWords(store);
  if (words?.text === undefined) return;
  writeWordsFile(folder, words.text);
  keepWords(store, { hash: words.hash });
}

/** Removes the words' file. */
export function removeRecoveryWordsFile(folder: string): void {
  rmSync(join(folder, WORDS_FILE), { force: true });
}

/** The text of the words' file, from a sealed store; undefined when it has none. SECRET. */
export function sealedRecoveryWords(store: ClientStore): string | undefined {
  return storedWords(store)?.text;
}

function inColumns(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < words.length; i += 4) {
    lines.push(
      words
        .slice(i, i + 4)
        .map((word, n) => `${String(i + n + 1).padStart(2)} ${word.padEnd(10)}`)
        .join(" "),
    );
  }
  return lines;
}

/** The reminder to write the words down; it stays until they have been typed back. */
export function recoveryWordsReminder(store: ClientStore, folder: string): RecoveryWordsReminder {
  const kept = storedWords(store);
  const place = kept?.text === undefined ? join(folder, WORDS_FILE) : SEALED_WORDS;
  let waits = kept !== undefined;
  return {
    file: () => (waits ? place : undefined),
    async confirm(words) {
      const now = storedWords(store);
      if (!now) return true;
      if (!bytesEqual(now.hash, sha256(seedOf(words)))) return false;
      removeRecoveryWordsFile(folder);
      store.write([{ kind: "delete", collection: "value", key: WORDS_KEY }]);
      waits = false;
      return true;
    },
  };
}

function seedOf(words: string): Uint8Array {
  try {
    return seedFromRecoveryWords(words).expose();
  } catch (error) {
    if (error instanceof TrustError) return new Uint8Array(0);
    throw error;
  }
}

/** The text of the words' file, for showing it; undefined once confirmed. */
export function readRecoveryWordsFile(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, WORDS_FILE), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
