import { PassThrough, Writable } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { MODP14 } from "./group.ts";
import { HONESTY } from "./honesty.ts";
import { runClassic } from "./program.ts";
import { ClassicRelay } from "./relay.ts";
import { patientClock } from "./testing/hand-clock.ts";
import { ListeningClient } from "./testing/listening-client.ts";
import { MemoryTerminal } from "./testing/memory-terminal.ts";

class Output extends Writable {
  text = "";
  readonly #waiting = new Set<() => void>();

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    for (const resolve of this.#waiting) resolve();
    done();
  }

  /** Resolves to the match once `pattern` has been written. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.text);
      if (match !== null) return match;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }
}

/** The program, running. `stop` does what Ctrl-C and SIGTERM do. */
function run(...args: string[]) {
  const stdin = new PassThrough();
  const stdout = new Output();
  const stderr = new Output();
  const stop = new AbortController();
  const now = () => new Date(2026, 0, 1, 9, 5);
  const status = runClassic(args, { stdin, stdout, stderr, signal: stop.signal, now });
  onTestFinished(async () => {
    stop.abort();
    await status;
  });
  return { stdin, stdout, stderr, status, stop: () => stop.abort() };
}

async function startRelay(): Promise<ClassicRelay> {
  const relay = await ClassicRelay.start({ port: 0, group: MODP14, clock: patientClock });
  onTestFinished(() => relay.close());
  return relay;
}

test("help goes to standard output, bad usage to standard error with status 2", async () => {
  const help = run("--help");
  expect(await help.status).toBe(0);
  expect(help.stdout.text).toContain("parley classic join HOST");
  const bad = run("sevre");
  expect(await bad.status).toBe(2);
  expect([bad.stdout.text, bad.stderr.text]).toEqual(["", expect.stringContaining("sevre is no command")]);
});

describe("serve", () => {
  test("says what it lacks in one line, then the original's lines, and ends when told to", async () => {
    const { stdout, stderr, status, stop } = run("serve", "--port", "0", "--group", "modp14");
    const [, port] = await stdout.shows(/Socket bound to 127\.0\.0\.1 on port (\d+)\n.*Waiting for Clients/);
    expect(HONESTY).not.toContain("\n");
    expect(stdout.text.split("\n").slice(0, 4)).toEqual([
      "SecureChat Sever v0.1",
      HONESTY,
      "Using the 2048-bit prime of RFC 3526, group 14...",
      "Done!",
    ]);
    await using _client = await ListeningClient.join(Number(port));
    await stdout.shows(/127\.0\.0\.1 has connected\nClient Key: hidden/);
    stop();
    expect(await status).toBe(0);
    expect(stdout.text.endsWith("\rExiting...\n")).toBe(true);
    expect(stderr.text).toBe("");
  });

  test("stops while it still searches for its prime", async () => {
    const { stdout, status, stop } = run("serve", "--port", "0");
    await stdout.shows(/Generating a 2048-bit prime\.\.\.\n\./);
    stop();
    expect(await status).toBe(0);
    expect(stdout.text).toContain("Exiting...");
    expect(stdout.text).not.toContain("Waiting for Clients");
  });

  test("fails at once, with one sentence, when the port is taken", async () => {
    const { port } = await startRelay();
    const { stderr, status } = run("serve", "--port", String(port));
    expect(await status).toBe(1);
    expect(stderr.text).toBe(`Cannot listen on 127.0.0.1, port ${port}.\n`);
  });
});

describe("join, where there is no terminal", () => {
  test("talks line by line and leaves at the end of its input", async () => {
    const { port } = await startRelay();
    await using bob = await ListeningClient.join(port);
    const { stdin, stdout, status } = run("join", "127.0.0.1", "--port", String(port));
    await stdout.shows(/Encryption Key: hidden/);
    expect(stdout.text).toContain(`Welcome to SecureChat!\n${HONESTY}\n[09:05] Connecting to 127.0.0.1...\n`);
    bob.send("hi");
    await stdout.shows(/\[09:05\] 127\.0\.0\.1: hi\n/);
    stdin.end("one\ntwo\n");
    expect(await status).toBe(0);
    await bob.waitFor((line) => line === "127.0.0.1: two");
    expect(bob.lines).toContain("127.0.0.1: one");
    expect(stdout.text).toMatch(/Acknowledged\n\[09:05\] Connection Lost\n$/);
  });

  test("says so when nobody listens", async () => {
    const relay = await startRelay();
    const { port } = relay;
    await relay.close();
    const { stdout, status } = run("join", "127.0.0.1", "--port", String(port));
    expect(await status).toBe(1);
    expect(stdout.text).toContain("Connection Refused\n");
    const unknown = run("join", "256.0.0.1");
    expect(await unknown.status).toBe(1);
    expect(unknown.stdout.text).toContain("Connection Failed\n");
  });
});

describe("join, on a terminal", () => {
  function runOnTerminal(port: number) {
    const terminal = new MemoryTerminal(100, 20);
    const stop = new AbortController();
    const status = runClassic(["join", "127.0.0.1", "--port", String(port)], {
      stdin: terminal.stdin,
      stdout: terminal.stdout,
      stderr: new Output(),
      signal: stop.signal,
    });
    onTestFinished(async () => {
      stop.abort();
      await status;
    });
    return { terminal, status };
  }
  const shows = (terminal: MemoryTerminal, text: string) =>
    terminal.until((rows) => rows.some((row) => row.includes(text)));

  test("chats on the screen; Ctrl-C says !exit and gives the terminal back", async () => {
    const { port } = await startRelay();
    await using bob = await ListeningClient.join(port);
    const { terminal, status } = runOnTerminal(port);
    await shows(terminal, "Encryption Key: hidden");
    await shows(terminal, "Classic mode: nothing proves who the server is");
    bob.send("grüße €");
    await shows(terminal, "127.0.0.1: grüße €");
    terminal.press("hello\r");
    await bob.waitFor((line) => line === "127.0.0.1: hello");
    await shows(terminal, "You: hello");
    terminal.press("\u0003");
    await bob.waitFor((line) => line === "127.0.0.1 has disconnected");
    expect(await status).toBe(0);
    expect(terminal.alternate).toBe(false);
  });

  test("says behind the closed screen that nobody listens", async () => {
    const relay = await startRelay();
    const { port } = relay;
    await relay.close();
    const { terminal, status } = runOnTerminal(port);
    expect(await status).toBe(1);
    expect(terminal.alternate).toBe(false);
    expect(terminal.stdout.written.trimEnd().endsWith("Connection Refused")).toBe(true);
  });
});

test("mitm says where it stands, and refuses to leave this machine", async () => {
  const { stdout, status, stop } = run("mitm", "--listen", "0", "--to", "39482");
  await stdout.shows(
    /^In the middle: clients of 127\.0\.0\.1:\d+ talk to 127\.0\.0\.1:39482 through here\.\n/,
  );
  stop();
  expect(await status).toBe(0);
  const far = run("mitm", "--listen", "0.0.0.0:0", "--to", "39482");
  expect(await far.status).toBe(2);
  expect(far.stderr.text).toContain("0.0.0.0 is no loopback address");
});
