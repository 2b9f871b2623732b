import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAccount } from "@parley/trust";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openLogKey } from "./log-key.ts";
import type { LoggedEntry } from "./logged-entry.ts";
import { loggedChain } from "./logged-entry.ts";
import { TransparencyLog } from "./transparency-log.ts";

let folder: string;
let logs: TransparencyLog[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-log-repair-"));
  logs = [];
});
afterEach(async () => {
  for (const log of logs) await log.close();
  rmSync(folder, { recursive: true });
});

/** The log as members have seen it, with four accounts, and one that a backup has put back to two. */
async function wholeAndRestored() {
  const key = await openLogKey(folder, "host.example");
  const open = async (name: string) => {
    const log = await TransparencyLog.open({ folder: join(folder, name), key });
    logs.push(log);
    return log;
  };
  const [whole, restored] = [await open("whole"), await open("restored")];
  const entries: LoggedEntry[] = [];
  for (const name of ["ana", "bo", "cyd", "dan"]) {
    const { chain, nameOpening } = await createAccount({ name, nowMs: Date.now() });
    entries.push(...loggedChain({ chain, name, nameOpening }));
  }
  await whole.append(entries);
  await restored.append(entries.slice(0, 4));
  restored.awaitsRepair = true;
  const { size } = whole;
  const end = { size, root: (await whole.readHashes([{ level: 3, index: 0 }]))[0] as Uint8Array };
  return { entries, restored, whole, end };
}

it("takes no new entries while it awaits its repair, but those that it has", async () => {
  const { entries, restored } = await wholeAndRestored();
  await restored.append(entries.slice(0, 4));
  await expect(restored.append(entries)).rejects.toMatchObject({ code: "storage-unavailable" });
  expect(restored.size).toBe(4);
});

it("takes exactly what leads to the root that was signed, from wherever it is offered, and once", async () => {
  const { entries, restored, whole, end } = await wholeAndRestored();
  const offers: readonly (readonly [number, readonly LoggedEntry[]])[] = [
    [4, entries.slice(4, 7)],
    [4, [...entries.slice(4, 7), entries[6] as LoggedEntry]],
    [4, entries.slice(4).reverse()],
    [5, entries.slice(5)],
    [3, entries.slice(4)],
    [4, []],
  ];
  for (const [from, offered] of offers) expect(await restored.repair(from, offered, end)).toBe(false);
  expect(restored.size).toBe(4);
  const both = [restored.repair(4, entries.slice(4), end), restored.repair(2, entries.slice(2), end)];
  expect(await Promise.all(both)).toEqual([true, true]);
  expect(restored.size).toBe(8);
  expect(restored.read(0, 8).entries).toEqual(whole.read(0, 8).entries);
  expect(await restored.repair(8, [], { size: 8, root: new Uint8Array(32) })).toBe(false);
});

it("takes nothing when it does not await a repair", async () => {
  const { entries, restored, end } = await wholeAndRestored();
  restored.awaitsRepair = false;
  expect(await restored.repair(4, entries.slice(4), end)).toBe(false);
  expect(restored.size).toBe(4);
});
