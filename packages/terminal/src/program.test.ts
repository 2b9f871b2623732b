import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readEnvironment } from "./environment.ts";
import { runProgram } from "./program.ts";
import { Streams } from "./streams.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "parley-program-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function run(...args: string[]): Promise<{ exitCode: number; out: string; error: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const streams = new Streams({ stdin, stdout, stderr } as unknown as ConstructorParameters<
    typeof Streams
  >[0]);
  const environment = readEnvironment({ PARLEY_HOME: home });
  const exitCode = await runProgram({ args, environment, streams, signal: new AbortController().signal });
  const text = (stream: PassThrough): string => (stream.read() as Buffer | null)?.toString() ?? "";
  return { exitCode, out: text(stdout), error: text(stderr) };
}

test("--version and --help print and end well", async () => {
  expect(await run("--version")).toEqual({ exitCode: 0, out: "0.1.0\n", error: "" });
  const { exitCode, out } = await run("--help");
  expect(exitCode).toBe(0);
  expect(out).toContain("Usage: parley [options] [command]\n");
});

test.each([
  [["nonsense"], "unknown command 'nonsense'"],
  [["send"], "missing required argument 'room'"],
  [["rooms", "--xml"], "unknown option '--xml'"],
  [["rooms", "--profile", "../x"], "A profile's name"],
  [["tail", "garden", "--count", "-1"], "above zero"],
  [["start"], "needs a terminal"],
  [["join", "https://x/i#y"], "A name is needed: --name NAME"],
  [["join", "https://x/i#y", "--name", "Not A Name"], "A name has 1 to 32"],
  [["serve", "--listen", "nowhere:99999"], 'I cannot listen on "nowhere:99999"'],
  [["serve", "--tls-cert", "a.pem"], "--tls-cert and --tls-key go together"],
])("%j is wrong usage", async (args, text) => {
  const { exitCode, out, error } = await run(...args);
  expect(exitCode).toBe(2);
  expect(out).toBe("");
  expect(error).toContain(text);
  expect(error).toMatch(/^parley: /);
});

test.each([[["rooms"]], [["status"]], [["send", "garden", "hello"]], [["tail", "garden"]], [["invite"]]])(
  "%j without an account says how to get one",
  async (args) => {
    const { exitCode, error } = await run(...args);
    expect(exitCode).toBe(1);
    expect(error).toBe("parley: There is no account here yet: run `parley start`, or `parley join LINK`\n");
  },
);

test("a link that is none, and a relay that is not there, are one sentence", async () => {
  expect(await run("join", "https://x/i#y", "--name", "ana")).toMatchObject({
    exitCode: 1,
    error: expect.stringMatching(/^parley: [^\n]+\n$/),
  });
  expect(await run("connect", "127.0.0.1:1", "--name", "ana")).toMatchObject({
    exitCode: 20,
    error: expect.stringMatching(/^parley: [^\n]+\n$/),
  });
});

test("serve does not make a server whose recovery words nobody has seen", async () => {
  const { exitCode, error } = await run("serve", "--listen", "127.0.0.1:0");
  expect(exitCode).toBe(2);
  expect(error).toContain("needs a terminal");
});
