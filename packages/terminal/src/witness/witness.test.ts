import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text as streamText } from "node:stream/consumers";
import { generateKey, SIGNATURE_TYPE_ED25519 } from "@parley/trust/tlog";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readEnvironment } from "../environment.ts";
import { runProgram } from "../program.ts";
import { Streams } from "../streams.ts";
import { SqliteWitnessStore } from "./witness-store.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "parley-witness-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function run(...args: string[]): Promise<{ exitCode: number; out: string; error: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const given = { stdin, stdout, stderr } as unknown as ConstructorParameters<typeof Streams>[0];
  const environment = readEnvironment({ PARLEY_HOME: home });
  const signal = AbortSignal.abort();
  const exitCode = await runProgram({
    args: ["witness", ...args],
    environment,
    streams: new Streams(given),
    signal,
  });
  const text = (stream: PassThrough) => streamText(stream.end());
  return { exitCode, out: await text(stdout), error: await text(stderr) };
}

async function logKey(): Promise<string> {
  return (await generateKey({ name: "chat.example.org/parley", type: SIGNATURE_TYPE_ED25519 })).vkey;
}

test("a witness is made once, knows a log by its key, and tells where it stands", async () => {
  const made = await run("init", "ana.example/w");
  expect(made).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^ana\.example\/w\+[0-9a-f]{8}\+/) });
  const again = await run("init", "ana.example/w");
  expect(again).toMatchObject({ exitCode: 1, error: expect.stringContaining("There is a witness") });
  expect(await run("add-log", await logKey())).toMatchObject({ out: "Witnessing chat.example.org/parley\n" });
  const { out } = await run("status");
  expect(out).toBe(`${made.out}chat.example.org/parley  nothing cosigned yet\n`);
  expect(await run("run", "--listen", "127.0.0.1:0")).toMatchObject({
    exitCode: 0,
    out: expect.stringContaining(`Key  ${made.out}`),
  });
});

test("what a witness keeps is for its owner alone", async () => {
  await run("init", "ana.example/w");
  const folder = join(home, "witness");
  for (const file of ["witness-key", "witness.db"]) expect(statSync(join(folder, file)).mode & 0o077).toBe(0);
});

test.each([
  [["init", "two words"], 2, "has no spaces"],
  [["add-log", "nonsense"], 1, "There is no witness here yet"],
  [["run"], 1, "There is no witness here yet"],
  [["status"], 1, "There is no witness here yet"],
])("%j is refused", async (args, exitCode, text) => {
  expect(await run(...args)).toMatchObject({ exitCode, out: "", error: expect.stringContaining(text) });
});

test("a cosigner's key is none of a log", async () => {
  const { out } = await run("init", "ana.example/w");
  expect(await run("add-log", out.trim())).toMatchObject({
    exitCode: 2,
    error: expect.stringContaining("not a log's key"),
  });
});

test("T14: a witness that lost its memory does not sign any more", async () => {
  await run("init", "ana.example/w");
  const folder = join(home, "witness");
  for (const file of readdirSync(folder)) if (file.startsWith("witness.db")) rmSync(join(folder, file));
  const { exitCode, error } = await run("run", "--listen", "127.0.0.1:0");
  expect({ exitCode, error }).toMatchObject({
    exitCode: 1,
    error: expect.stringContaining("retire its key"),
  });
  expect(existsSync(join(folder, "witness.db"))).toBe(false);
});

test("of two stores of one file only one swaps", async () => {
  const file = join(home, "w.db");
  const [one, other] = [SqliteWitnessStore.create(file), SqliteWitnessStore.open(file)];
  const state = (size: number) => ({
    size,
    root: new Uint8Array(32).fill(size),
    checkpoint: Uint8Array.of(size),
  });
  expect(await one.compareAndSwap("a", undefined, state(1))).toBe(true);
  expect(await other.compareAndSwap("a", undefined, state(2))).toBe(false);
  expect(await other.compareAndSwap("a", state(1), state(3))).toBe(true);
  expect(await one.load("a")).toEqual(state(3));
  one.close();
  other.close();
});
