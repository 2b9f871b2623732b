import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, signUp } from "@parley/client/node";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RelayService } from "../packages/terminal/src/relay-service.ts";
import { startRelayService } from "../packages/terminal/src/relay-service.ts";
import { runAdmin } from "../packages/terminal/src/verbs/admin.ts";
import { runBackup } from "../packages/terminal/src/verbs/backup.ts";
import { runLogExport } from "../packages/terminal/src/verbs/log.ts";
import { runRestore } from "../packages/terminal/src/verbs/restore.ts";
import { verbContext } from "./verb-context.ts";

let home: string;
let service: RelayService | undefined;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "parley-operator-"));
});
afterEach(async () => {
  await service?.[Symbol.asyncDispose]();
  service = undefined;
  rmSync(home, { recursive: true, force: true });
});

const data = () => join(home, "relay");

async function start(): Promise<RelayService> {
  service = await startRelayService({
    dataFolder: data(),
    onNewIdentity: () => undefined,
    log: { level: "silent" },
  });
  return service;
}

async function stop(): Promise<void> {
  await service?.[Symbol.asyncDispose]();
  service = undefined;
}

async function register(name: string): Promise<void> {
  const folder = join(home, name);
  const store = openStore(folder);
  await signUp({ folder, store, name, road: { link: (await service?.invite()) ?? "" } });
  store.close();
}

async function ask(request: Parameters<typeof runAdmin>[1], json = true): Promise<string> {
  const { context, out } = verbContext(home);
  await runAdmin(context, request, { data: data(), json });
  return out();
}

const rowsOf = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("parley admin: users, devices, quotas, invites, sessions, over a socket that is its owner's alone", async () => {
  await start();
  const socket = join(data(), "parley.sock");
  if (existsSync(socket)) expect(statSync(socket).mode & 0o777).toBe(0o600);
  expect(statSync(data()).mode & 0o777).toBe(0o700);
  await register("ana");
  await register("bo");
  expect(rowsOf(await ask({ ask: "users" })).map((row) => row["name"])).toEqual(["ana", "bo"]);
  expect(await ask({ ask: "users" }, false)).toMatch(
    /^name=ana {2}account=[0-9a-f]{64} {2}created=2\S+Z {2}sessions=0\nname=bo/,
  );
  expect(rowsOf(await ask({ ask: "user", name: "ana" }))).toMatchObject([{ devices: 1, chainEntries: 2 }]);
  expect(rowsOf(await ask({ ask: "devices", name: "ana" }))).toMatchObject([{ number: 1, sessions: 0 }]);
  expect(rowsOf(await ask({ ask: "quota", name: "ana", roomBytes: 5000 }))).toMatchObject([
    { roomQuotaBytes: 5000 },
  ]);
  expect(rowsOf(await ask({ ask: "disable", name: "bo" }))[0]).toHaveProperty("disabledAtMs");
  expect(rowsOf(await ask({ ask: "enable", name: "bo" }))[0]).not.toHaveProperty("disabledAtMs");
  await service?.invite();
  const [invite] = rowsOf(await ask({ ask: "invites" }));
  expect(await ask({ ask: "revoke-invite", id: String(invite?.["id"]) })).toBe("");
  expect(await ask({ ask: "invites" })).toBe("");
  expect(rowsOf(await ask({ ask: "storage" }))).toMatchObject([
    { accounts: 2, logEntries: 6, awaitsLogRepair: false },
  ]);
  expect(await ask({ ask: "sessions" })).toBe("");
});

test("what is not there is said in a sentence", async () => {
  await expect(ask({ ask: "users" })).rejects.toThrow(/^There is no relay in /);
  await start();
  await expect(ask({ ask: "user", name: "eve" })).rejects.toThrow("Nobody here has that name");
  await expect(ask({ ask: "disable", name: "\u{1b}[31m" })).rejects.toThrow("Nobody here has that name");
  await expect(ask({ ask: "end-session", session: 99 })).rejects.toThrow("There is no such session");
  await stop();
  await expect(ask({ ask: "users" })).rejects.toThrow(/^No relay runs on .*: start it with parley serve$/);
});

test("parley backup of a running relay and of a stopped one, parley restore, and its log from a member's file", async () => {
  await start();
  await register("ana");
  const { context, out } = verbContext(home);
  const [live, cold] = [join(home, "live"), join(home, "cold")];
  expect(await runBackup(context, live, { data: data() })).toBe(0);
  expect(out()).toMatch(/^\d files, \d+\.\d MB in \S+, checked\n$/);
  await expect(runBackup(context, live, { data: data() })).rejects.toThrow(/is not empty$/);
  await register("bo");
  const file = join(home, "log.jsonl");
  await runLogExport(verbContext(join(home, "ana")).context, file);
  await expect(runRestore(context, undefined, { data: data(), logFrom: file })).rejects.toThrow(
    "Stop the relay first: it runs on this folder",
  );
  await stop();
  await runBackup(context, cold, { data: data(), json: true });
  expect(JSON.parse(out())).toMatchObject({ folder: cold, version: 1, settledLogSize: 6 });

  await expect(runRestore(context, live, { data: data() })).rejects.toThrow(/is not empty/);
  await expect(runRestore(context, undefined, { data: data() })).rejects.toMatchObject({ exitCode: 2 });
  rmSync(data(), { recursive: true });
  await runRestore(context, live, { data: data() });
  expect(out()).toMatch(
    /generation \d+, 4 entries in its log\nUntil its log is whole nobody can register here/,
  );
  await start();
  expect(rowsOf(await ask({ ask: "storage" }))).toMatchObject([{ awaitsLogRepair: true, logEntries: 4 }]);
  await stop();
  const broken = join(home, "broken.jsonl");
  writeFileSync(broken, "{}\n");
  await expect(runRestore(context, undefined, { data: data(), logFrom: broken })).rejects.toThrow(
    /no export of a log/i,
  );
  await runRestore(context, undefined, { data: data(), logFrom: file });
  expect(out()).toBe("2 entries were missing, 6 in all; 1 accounts are back\n");
  await start();
  expect(rowsOf(await ask({ ask: "users" })).map((row) => row["name"])).toEqual(["ana", "bo"]);
  await expect(ask({ ask: "end-repair" })).rejects.toThrow("The log is not waiting for anything");
  expect(readdirSync(home).filter((name) => name.endsWith(".restoring"))).toEqual([]);
});
