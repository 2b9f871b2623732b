import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { createAccount, recoveryWordsOf, Secret } from "@parley/trust";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FreshAccount } from "../connection/enrolment.ts";
import type { ClientStore } from "../store/client-store.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { decodeRecord } from "../store/record.ts";
import {
  discardAccount,
  loadAccount,
  pinsOf,
  readRecoveryWordsFile,
  recoveryWordsReminder,
  saveAccount,
  writeRecoveryWords,
} from "./account-folder.ts";

const nowMs = 1_800_000_000_000;
const hash = (byte: number) => new Uint8Array(32).fill(byte);

let folder: string;
let store: ClientStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-folder-"));
  store = new MemoryStore();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function freshAccount(): Promise<FreshAccount> {
  const made = await createAccount({ name: "ana", nowMs });
  return {
    host: "chat.example.org:7443",
    name: "ana",
    nameOpening: made.nameOpening,
    device: { account: made.accountId, device: 1 },
    chain: made.chain,
    deviceSeed: made.device,
    rootSeed: made.root,
    nextRootSeed: made.next,
    recoverySeed: made.recovery,
    pin: {
      serverId: hash(1),
      length: 1,
      head: hash(2),
      recoveries: 0,
      rememberedAtMs: nowMs,
      met: ["invite"],
      generation: 0,
    },
    invite: {
      host: "chat.example.org",
      port: 7443,
      serverId: hash(1),
      id: new Uint8Array(16).fill(3),
      secret: new Secret(hash(4)),
      expiresAtMs: nowMs,
      inviter: hash(5),
      room: new Uint8Array(16).fill(6),
      checkpoint: undefined,
    },
  };
}

test("a folder without an account has none", () => {
  expect(loadAccount(store)).toBeUndefined();
});

test("an account comes back as it was saved, before and after the relay has it", async () => {
  const { recoverySeed: _, ...account } = await freshAccount();
  for (const registered of [false, true]) {
    saveAccount(store, account, registered);
    const loaded = loadAccount(store);
    expect(exposed(loaded)).toEqual(exposed({ ...account, registered }));
  }
});

/** With its secrets as bytes: two `Secret`s look alike whatever they hold. */
function exposed(account: object | undefined): unknown {
  const open = (value: unknown): unknown => {
    if (value instanceof Secret) return value.expose().toHex();
    if (value === null || typeof value !== "object" || value instanceof Uint8Array) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, open(inner)]));
  };
  return open(account);
}

test("an account without its server's pin is none", async () => {
  const account = await freshAccount();
  saveAccount(store, account, true);
  store.write([{ kind: "delete", collection: "pin", key: account.host }]);
  expect(loadAccount(store)).toBeUndefined();
});

test("the recovery seed is not among what is stored", async () => {
  const account = await freshAccount();
  writeRecoveryWords(store, folder, account.recoverySeed, account.name);
  saveAccount(store, account, true);
  const stored = store.range("value").map(([, value]) => value.toHex());
  expect(stored.join()).toContain(account.deviceSeed.expose().toHex());
  expect(stored.join()).not.toContain(account.recoverySeed.expose().toHex());
});

test("who came by a link owes its maker a greeting, once the relay has the account", async () => {
  const account = await freshAccount();
  saveAccount(store, account, false);
  expect(store.get("value", "greeting")).toBeUndefined();
  expect(store.range("contact")).toEqual([]);
  saveAccount(store, account, true);
  expect(decodeRecord(store.get("value", "greeting") as Uint8Array)).toMatchObject({
    inviter: hash(5),
    secret: hash(4),
    posted: false,
  });
  expect(store.range("contact")).toHaveLength(1);
});

test("secrets of a loaded account do not print", async () => {
  const account = await freshAccount();
  saveAccount(store, account, true);
  const loaded = loadAccount(store);
  const printed = [
    inspect(loaded, { depth: null, showHidden: true, maxArrayLength: null }),
    JSON.stringify(loaded),
    `${loaded?.deviceSeed}`,
  ].join();
  const secrets = [account.deviceSeed, account.rootSeed, account.nextRootSeed, account.invite?.secret];
  for (const secret of secrets) {
    const bytes = [...(secret as Secret).expose()];
    for (const form of [bytes.join(), bytes.join(", "), (secret as Secret).expose().toHex()]) {
      expect(printed).not.toContain(form);
    }
  }
  expect(printed).toContain("chat.example.org");
});

test("servers are remembered by host", async () => {
  const pins = pinsOf(store);
  const { pin } = await freshAccount();
  expect(await pins.get("chat.example.org")).toBeUndefined();
  await pins.put("chat.example.org", pin);
  expect(await pins.get("chat.example.org")).toEqual(pin);
  expect(await pins.get("other.example.org")).toBeUndefined();
});

test("the recovery words are in a file for their owner alone, until they have been typed back", async () => {
  const { recoverySeed } = await freshAccount();
  const words = recoveryWordsOf(recoverySeed);
  expect(recoveryWordsReminder(store, folder).file()).toBeUndefined();
  expect(readRecoveryWordsFile(folder)).toBeUndefined();

  writeRecoveryWords(store, folder, recoverySeed, "ana");
  const reminder = recoveryWordsReminder(store, folder);
  const file = reminder.file() as string;
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(wordsIn(readRecoveryWordsFile(folder))).toBe(words);

  expect(await reminder.confirm(words.toUpperCase().replaceAll(" ", "  "))).toBe(true);
  expect(existsSync(file)).toBe(false);
  expect(reminder.file()).toBeUndefined();
  expect(readRecoveryWordsFile(folder)).toBeUndefined();
  expect(await reminder.confirm("anything")).toBe(true);
});

/** The words of the file in their order: each stands behind its number. */
function wordsIn(text: string | undefined): string {
  const numbered = [...(text ?? "").matchAll(/\b(\d+) ([a-z]+)/g)].map(
    ([, n, word]) => [Number(n), word] as const,
  );
  expect(numbered.map(([n]) => n)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
  return numbered.map(([, word]) => word).join(" ");
}

test.each([
  ["none", () => ""],
  ["words of another account", () => recoveryWordsOf(Secret.random(32))],
  ["one word too few", (words: string) => words.replace(/ \w+$/, "")],
  ["two words in the other's place", (words: string) => words.replace(/^(\w+) (\w+)/, "$2 $1")],
  ["words of no list", (words: string) => words.replace(/^\w+/, "parley")],
])("wrong words change nothing: %s", async (_, wrong) => {
  const seed = new Secret(Uint8Array.from({ length: 32 }, (_, i) => i));
  writeRecoveryWords(store, folder, seed, "ana");
  const reminder = recoveryWordsReminder(store, folder);
  expect(await reminder.confirm(wrong(recoveryWordsOf(seed)))).toBe(false);
  expect(existsSync(reminder.file() as string)).toBe(true);
  expect(await reminder.confirm(recoveryWordsOf(seed))).toBe(true);
});

test("words are confirmed also when somebody has removed the file", async () => {
  const { recoverySeed } = await freshAccount();
  writeRecoveryWords(store, folder, recoverySeed, "ana");
  const reminder = recoveryWordsReminder(store, folder);
  rmSync(reminder.file() as string);
  expect(await reminder.confirm(recoveryWordsOf(recoverySeed))).toBe(true);
  expect(reminder.file()).toBeUndefined();
});

test("new words take the place of an old file, and do not take its mode", async () => {
  const file = join(folder, "recovery-words.txt");
  writeFileSync(file, "old", { mode: 0o644 });
  const { recoverySeed } = await freshAccount();
  writeRecoveryWords(store, folder, recoverySeed, "ana");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(wordsIn(readRecoveryWordsFile(folder))).toBe(recoveryWordsOf(recoverySeed));
});

test("an account that the relay has refused leaves neither keys nor words", async () => {
  const account = await freshAccount();
  writeRecoveryWords(store, folder, account.recoverySeed, account.name);
  saveAccount(store, account, false);
  discardAccount(store, folder);
  expect(loadAccount(store)).toBeUndefined();
  expect(store.range("value")).toEqual([]);
  expect(recoveryWordsReminder(store, folder).file()).toBeUndefined();
  expect(readRecoveryWordsFile(folder)).toBeUndefined();
});
