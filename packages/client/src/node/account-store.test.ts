import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Secret } from "@parley/trust";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readRecoveryWordsFile, sealedRecoveryWords, writeRecoveryWords } from "./account-folder.ts";
import { changePassword, isSealed, openStore, unlockStore } from "./account-store.ts";
import type { PasswordCost } from "./store-key.ts";
import { passwordFrom } from "./store-key.ts";

const CHEAP: PasswordCost = { memoryKib: 64, passes: 1, lanes: 1 };
const ROWS = 2500;
const CLEAR = "the cat sleeps in the clear";
const OLD = "an old password";
const NEW = "a new password";

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "parley-seal-"));
  folder = join(root, "account");
  const store = openStore(folder);
  store.write(
    Array.from({ length: ROWS }, (_, n) => ({
      kind: "put",
      collection: "timeline",
      key: `room/${String(n).padStart(6, "0")}`,
      value: new TextEncoder().encode(`${CLEAR} ${n}`),
    })),
  );
  writeRecoveryWords(store, folder, new Secret(new Uint8Array(32).fill(3)), "ana");
  store.close();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const asked = (text: string) => async () => passwordFrom(text);
const never = () => Promise.reject(new Error("nobody asks"));
const change = (from: string | undefined, to: string | undefined, unsafeTestingStep = () => {}) =>
  changePassword({
    folder,
    current: from === undefined ? never : asked(from),
    next: to === undefined ? undefined : passwordFrom(to),
    cost: CHEAP,
    unsafeTestingStep,
  });

/** All there is in a folder, opened with one of the passwords; which of them it was. */
async function contents(place: string, passwords: readonly string[]) {
  const sealed = isSealed(place);
  for (const password of sealed ? passwords : [""]) {
    try {
      const { store } = await unlockStore(place, sealed ? asked(password) : never);
      try {
        const rows = store.range("timeline").map(([, value]) => new TextDecoder().decode(value));
        const text = sealedRecoveryWords(store) ?? readRecoveryWordsFile(place) ?? "";
        return {
          password,
          rows: rows.length,
          last: rows.at(-1),
          words: text.includes("Recovery words of ana"),
        };
      } finally {
        store.close();
      }
    } catch (error) {
      if ((error as { code?: string }).code !== "wrong-password") throw error;
    }
  }
  throw new Error("no password opens it");
}

const whole = (password: string) => ({ password, rows: ROWS, last: `${CLEAR} ${ROWS - 1}`, words: true });

function bytesOf(place: string): string {
  return readdirSync(place)
    .map((name) => readFileSync(join(place, name), "latin1"))
    .join("\n");
}

test("a folder without a password is never asked for one", async () => {
  expect(isSealed(folder)).toBe(false);
  expect(await contents(folder, [])).toEqual(whole(""));
});

test("nothing that was clear is left in the folder, and all of it comes back", async () => {
  const word = readRecoveryWordsFile(folder)?.split("\n")[3]?.trim() ?? "";
  expect(word).not.toBe("");
  for (const text of [CLEAR, word]) expect(bytesOf(folder)).toContain(text);
  await change(undefined, OLD);
  for (const text of [CLEAR, word, OLD]) expect(bytesOf(folder)).not.toContain(text);
  expect(readdirSync(folder)).toEqual(["client.db"]);
  expect(await contents(folder, [OLD])).toEqual(whole(OLD));
  const { store } = await unlockStore(folder, asked(OLD));
  store.write([
    { kind: "put", collection: "outbox", key: "a", value: new TextEncoder().encode(`${CLEAR}, again`) },
  ]);
  expect(bytesOf(folder)).not.toContain(CLEAR);
  store.close();
  await change(OLD, undefined);
  expect(existsSync(join(folder, "recovery-words.txt"))).toBe(true);
  expect(await contents(folder, [])).toEqual(whole(""));
});

test("a copy of the folder opens with the password only", async () => {
  await change(undefined, OLD);
  const copy = join(root, "copy");
  cpSync(folder, copy, { recursive: true });
  await expect(unlockStore(copy, asked(NEW))).rejects.toMatchObject({ code: "wrong-password" });
  expect(() => openStore(copy)).toThrow(expect.objectContaining({ code: "locked" }));
  expect(await contents(copy, [OLD])).toEqual(whole(OLD));
});

test("changing takes a new key: rows of before do not open under it", async () => {
  await change(undefined, OLD);
  const before = rowsOf();
  await change(OLD, NEW);
  await expect(unlockStore(folder, asked(OLD))).rejects.toMatchObject({ code: "wrong-password" });
  expect(await contents(folder, [NEW])).toEqual(whole(NEW));
  edit("UPDATE entry SET value = ? WHERE collection = 'timeline' AND key = 'room/000000'", before);
  await expect(contents(folder, [NEW])).rejects.toMatchObject({ code: "unreadable" });
});

test("a wrong password changes nothing", async () => {
  await change(undefined, OLD);
  await expect(change(NEW, undefined)).rejects.toMatchObject({ code: "wrong-password" });
  expect(await contents(folder, [OLD])).toEqual(whole(OLD));
});

describe("killed at any point", () => {
  test.each([
    ["setting", undefined, NEW],
    ["changing", OLD, NEW],
    ["removing", OLD, undefined],
  ])("%s a password leaves all of it, under the old or the new one", async (_what, from, to) => {
    if (from !== undefined) await change(undefined, from);
    const left: string[] = [];
    await change(from, to, () => {
      const place = join(root, `killed-${left.length}`);
      cpSync(folder, place, { recursive: true });
      left.push(place);
    });
    expect(left.length).toBeGreaterThanOrEqual(5);
    const opened: string[] = [];
    for (const place of left) {
      const found = await contents(place, [OLD, NEW]);
      expect(found).toEqual(whole(found.password));
      opened.push(found.password);
      if (isSealed(place))
        for (const text of [CLEAR, "Recovery words of"]) expect(bytesOf(place)).not.toContain(text);
    }
    expect(new Set(opened)).toEqual(new Set([from ?? "", to ?? ""]));
  });
});

const LOOK = "SELECT value FROM entry WHERE collection = 'timeline' AND key = 'room/000000'";
function rowsOf(): Uint8Array {
  const database = new DatabaseSync(join(folder, "client.db"));
  const value = database.prepare(LOOK).get()?.["value"] as Uint8Array;
  database.close();
  return value;
}
function edit(sql: string, ...values: Uint8Array[]): void {
  const database = new DatabaseSync(join(folder, "client.db"));
  database.prepare(sql).run(...values);
  database.close();
}

test("damage is told apart from a wrong password, and nothing of it is silent", async () => {
  await change(undefined, OLD);
  edit("UPDATE entry SET value = zeroblob(80) WHERE collection = 'timeline' AND key = 'room/000007'");
  await expect(contents(folder, [OLD])).rejects.toMatchObject({ code: "unreadable" });
  edit(
    "UPDATE entry SET value = CAST(substr(value, 1, 60) || x'00' || substr(value, 62) AS BLOB) WHERE collection = 'seal'",
  );
  await expect(unlockStore(folder, asked(OLD))).rejects.toMatchObject({
    code: "unreadable",
    message: expect.stringContaining("header"),
  });
});
