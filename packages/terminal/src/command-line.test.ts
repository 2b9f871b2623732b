import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import headless from "@xterm/headless";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** The `parley` command as real processes, over real TLS, and once in a real pseudo-terminal. */

const PROGRAM = join(import.meta.dirname, "..", "bin", "parley.js");
const home = mkdtempSync(join(tmpdir(), "parley-cli-"));
const variables = {
  ...process.env,
  PARLEY_HOME: home,
  NODE_ENV: "production",
  TERM: "xterm-256color",
  USER: "ana",
};

interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly error: string;
}

function parley(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { env: variables }, (error, out, errorText) => {
      resolve({ exitCode: typeof error?.code === "number" ? error.code : 0, out, error: errorText });
    });
  });
}

/** Resolves with everything printed so far once it contains `text`. */
function printed(child: ChildProcess, text: string | RegExp): Promise<string> {
  return new Promise((resolve) => {
    let all = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      all += chunk.toString();
      if (all.search(text) >= 0) resolve(all);
    });
  });
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once("close", resolve));

describe("a relay and two accounts", () => {
  let relay: ChildProcess;
  let link = "";

  beforeAll(async () => {
    relay = spawn(process.execPath, [PROGRAM, "serve", "--yes", "--listen", "127.0.0.1:0"], {
      env: variables,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const text = await printed(relay, /\/i#\S+\n/);
    expect(text).toMatch(/^Parley relay at 127\.0\.0\.1:\d+\nServer code {2}(\d{5} ?){6}\n/);
    link = /https:\S+/.exec(text)![0];
  });

  afterAll(async () => {
    relay.kill("SIGTERM");
    expect(await ended(relay)).toBe(0);
    rmSync(home, { recursive: true, force: true });
  });

  test("the words of the server lie in a file that only its owner can read", () => {
    const file = join(home, "relay", "server-recovery-words.txt");
    expect(readFileSync(file, "utf8").trim().split(" ")).toHaveLength(24);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("join, invite, write, read: each a process of its own", async () => {
    expect(await parley("join", link, "--name", "ana")).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining("You are ana."),
    });
    expect(await parley("do", "/room", "garden")).toMatchObject({ exitCode: 0 });
    const invitation = await parley("invite", "--room", "garden");
    expect(invitation.out).toMatch(/^https:\S+\n$/);
    const ana = spawn(process.execPath, [PROGRAM, "tail", "garden", "--follow", "--json"], {
      env: variables,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const joined = printed(ana, "ana invited bo");
    const heard = printed(ana, "hello from bo");
    expect(await parley("join", invitation.out.trim(), "--profile", "bo", "--name", "bo")).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining("You are in the room."),
    });
    await joined;
    while (!(await parley("rooms", "--profile", "bo")).out.includes("#garden"));
    expect(await parley("send", "garden", "hello from bo", "--profile", "bo")).toEqual({
      exitCode: 0,
      out: "",
      error: "",
    });
    const line = (await heard).split("\n").find((text) => text.includes("hello from bo"));
    expect(JSON.parse(line!)).toMatchObject({
      kind: "message",
      text: "hello from bo",
      sender: { name: "bo", me: false },
    });
    // Beside a running one, through its socket.
    expect(await parley("send", "garden", "and back")).toEqual({ exitCode: 0, out: "", error: "" });
    const status = JSON.parse((await parley("status", "--json")).out) as {
      name: string;
      connection: { kind: string };
    };
    expect(status).toMatchObject({ name: "ana", connection: { kind: "connected" }, queued: 0 });
    const rooms = JSON.parse((await parley("rooms", "--json")).out) as unknown[];
    expect(rooms).toMatchObject([{ name: "garden", memberCount: 2 }]);
    ana.kill("SIGINT");
    expect(await ended(ana)).toBe(0);
    const tail = await parley("tail", "garden", "--profile", "bo", "--count", "2");
    expect(tail.out).toMatch(/^\[\d\d:\d\d\] bo: hello from bo\n\[\d\d:\d\d\] ana: and back\n$/);
  });

  test("a second account in the same profile, and a used link, are refused in one sentence", async () => {
    expect(await parley("join", link, "--name", "zoe")).toMatchObject({
      exitCode: 1,
      error: expect.stringContaining("has an account already"),
    });
    expect(await parley("join", link, "--name", "zoe", "--profile", "zoe")).toMatchObject({
      exitCode: 13,
      error: expect.stringMatching(/^parley: [^\n]+\n$/),
    });
  });

  test("a server that nothing speaks for is not believed", async () => {
    const address = /https:\/\/([^/]+)/.exec(link)![1]!;
    const { exitCode, error } = await parley("connect", address, "--name", "zoe", "--profile", "zoe2");
    expect(exitCode).toBe(10);
    expect(error).toMatch(/^parley: I cannot tell 127\.0\.0\.1:\d+ from an impostor/);
  });

  test("output into a closed pipe ends quietly", async () => {
    const child = spawn("sh", ["-c", `"${process.execPath}" "${PROGRAM}" --help | true; echo done`], {
      env: variables,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let error = "";
    child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()));
    await ended(child);
    expect(error).toBe("");
  });
});

interface Pty {
  write(text: string): void;
  kill(signal: string): void;
  resize(columns: number, rows: number): void;
  onData(listener: (text: string) => void): void;
  onExit(listener: (event: { exitCode: number }) => void): void;
}

/** A process in a pseudo-terminal, its output on a terminal in memory. */
class PtyScreen {
  readonly pty: Pty;
  readonly exited: Promise<number>;
  raw = "";
  readonly #terminal = new headless.Terminal({ cols: 90, rows: 24, allowProposedApi: true });

  constructor(args: string[]) {
    const { spawn: open } = createRequire(import.meta.url)("node-pty") as {
      spawn(file: string, args: string[], options: object): Pty;
    };
    this.pty = open(process.execPath, args, {
      cols: 90,
      rows: 24,
      env: { ...variables, PARLEY_HOME: `${home}-pty` },
    });
    this.pty.onData((text) => {
      this.raw += text;
      this.#terminal.write(text);
    });
    this.exited = new Promise((resolve) => this.pty.onExit(({ exitCode }) => resolve(exitCode)));
  }

  get alternate(): boolean {
    return this.#terminal.buffer.active.type === "alternate";
  }

  text(): string {
    const { active } = this.#terminal.buffer;
    return Array.from(
      { length: this.#terminal.rows },
      (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? "",
    ).join("\n");
  }

  /** Fails with what stands on the screen when the process ends before. */
  async until(check: (text: string) => boolean): Promise<void> {
    while (!check(this.text())) {
      const length = this.raw.length;
      const written = new Promise<boolean>((resolve) => this.#terminal.onWriteParsed(() => resolve(true)));
      const over = this.exited.then(
        () => new Promise<boolean>((resolve) => setTimeout(resolve, 1_000, false)),
      );
      if (!(await Promise.race([written, over])) && length === this.raw.length && !check(this.text())) {
        throw new Error(`The process has ended, and left this on the screen:\n${this.text()}`);
      }
    }
  }
}

describe("in a pseudo-terminal", () => {
  afterAll(() => rmSync(`${home}-pty`, { recursive: true, force: true }));

  test("parley asks one question, opens a chat with its own relay, and finds everything again", async () => {
    const first = new PtyScreen([PROGRAM]);
    await first.until((text) => text.includes("What is your name? [ana]"));
    first.pty.write("\r");
    await first.until(
      (text) => text.includes("Welcome, ana") && text.includes("/i#") && text.includes("● Connected"),
    );
    expect(first.alternate).toBe(true);
    first.pty.write("\x1b");
    await first.until((text) => !text.includes("Welcome, ana"));
    first.pty.write("note to self\r");
    await first.until((text) => /·\s+ana {2}note to self/.test(text));
    first.pty.write("/quit\r");
    expect(await first.exited).toBe(0);
    await first.until(() => !first.alternate);

    const second = new PtyScreen([PROGRAM, "--no-mouse"]);
    await second.until((text) => text.includes("note to self") && text.includes("● Connected"));
    expect(second.raw).not.toContain("\x1b[?1000h");
    second.pty.kill("SIGTERM");
    expect(await second.exited).toBe(0);
    await second.until(() => !second.alternate);
  });

  test("a crash gives the terminal back", async () => {
    const screen = new PtyScreen([
      "--import",
      fileURLToPath(new URL("./translate-jsx.js", import.meta.url)),
      fileURLToPath(new URL("./testing/fake-screen.ts", import.meta.url)),
      "dark",
    ]);
    await screen.until((text) => text.includes("#garden"));
    expect(screen.alternate).toBe(true);
    screen.pty.kill("SIGUSR2");
    expect(await screen.exited).not.toBe(0);
    await screen.until(() => !screen.alternate);
    for (const mode of ["?2004", "?1000", "?1006", "?1004", "?1049"]) {
      expect(screen.raw.lastIndexOf(`${mode}l`)).toBeGreaterThan(screen.raw.lastIndexOf(`${mode}h`));
    }
  });
});
