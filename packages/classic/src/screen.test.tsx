import { render } from "ink";
import { describe, expect, onTestFinished, test } from "vitest";
import { Screen } from "./screen.tsx";
import { MemoryTerminal } from "./testing/memory-terminal.ts";
import { Transcript } from "./transcript.ts";

interface Setting {
  readonly columns?: number;
  readonly rows?: number;
  readonly lines?: readonly string[];
}

/** The screen on a terminal in memory, drawn for the first time. */
async function show({ columns = 60, rows = 12, lines = [] }: Setting = {}) {
  const terminal = new MemoryTerminal(columns, rows);
  const transcript = new Transcript(() => new Date(2026, 0, 1, 9, 5));
  for (const line of lines) transcript.addUntimed(line);
  const submitted: string[] = [];
  let interrupts = 0;
  const app = render(
    <Screen
      transcript={transcript}
      onSubmit={(line) => submitted.push(line)}
      onInterrupt={() => interrupts++}
    />,
    {
      stdin: terminal.stdin as unknown as NodeJS.ReadStream,
      stdout: terminal.stdout as unknown as NodeJS.WriteStream,
      exitOnCtrlC: false,
      patchConsole: false,
      alternateScreen: true,
      interactive: true,
    },
  );
  onTestFinished(async () => {
    app.unmount();
    await app.waitUntilExit();
  });
  await terminal.until((screen) => screen.some((row) => row.startsWith(">")));
  const prompted = (text: string) => terminal.until((screen) => screen.at(-1) === `> ${text}`.trimEnd());
  return { terminal, transcript, submitted, prompted, interrupts: () => interrupts };
}

describe("the layout", () => {
  test("is the original's: title, framed window, prompt, over the whole terminal", async () => {
    const { terminal, transcript } = await show({ columns: 40, rows: 8, lines: ["Welcome to SecureChat!"] });
    transcript.add("Connecting to HOST...");
    await terminal.until((screen) => screen.some((row) => row.includes("Connecting")));
    expect(terminal.rows()).toEqual([
      "SecureChat v0.1",
      `┌${"─".repeat(38)}┐`,
      `│ ${"Welcome to SecureChat!".padEnd(36)} │`,
      `│ ${"[09:05] Connecting to HOST...".padEnd(36)} │`,
      `│${" ".repeat(38)}│`,
      `│${" ".repeat(38)}│`,
      `└${"─".repeat(38)}┘`,
      ">",
    ]);
    expect(terminal.cursor).toEqual({ x: 2, y: 7 });
    expect(terminal.alternate).toBe(true);
  });

  test("follows the size of the terminal, and what was typed stays", async () => {
    const { terminal, prompted } = await show({
      lines: ["a line that is long enough to be wrapped when it is narrow"],
    });
    terminal.press("half a line");
    await prompted("half a line");
    terminal.resize(30, 8);
    await terminal.until((screen) => screen.length === 8 && screen[1] === `┌${"─".repeat(28)}┐`);
    expect(terminal.window().slice(0, 3)).toEqual([
      "a line that is long enough",
      "to be wrapped when it is",
      "narrow",
    ]);
    expect(terminal.rows().at(-1)).toBe("> half a line");
  });

  test.each([
    [6, 20],
    [24, 4],
    [10, 3],
    [10, 1],
  ])("stands %i columns by %i rows", async (columns, rows) => {
    const { terminal, submitted } = await show({ columns, rows, lines: ["some words of text"] });
    terminal.press("x\r");
    await expect.poll(() => submitted).toEqual(["x"]);
    expect(terminal.rows()).toHaveLength(rows);
  });

  test("shows nothing that could steer a terminal", async () => {
    const { terminal, transcript } = await show();
    transcript.add("127.0.0.1: a\u001b]0;owned\u0007b\u0000c\n[09:05] forged");
    await terminal.until((screen) => screen.some((row) => row.includes("forged")));
    expect(terminal.window()[0]).toBe("[09:05] 127.0.0.1: a\ufffd]0;owned\ufffdb\ufffdc [09:05] forged");
    expect(terminal.stdout.written).not.toContain("owned\u0007");
  });
});

describe("typing", () => {
  test("beyond ASCII is one character for one key, and Enter hands the line over", async () => {
    const { terminal, submitted, prompted } = await show();
    terminal.press("grüße 日本 👍🏽");
    await prompted("grüße 日本 👍🏽");
    terminal.press("\u007f");
    await prompted("grüße 日本");
    terminal.press("\r");
    await prompted("");
    expect(submitted).toEqual(["grüße 日本 "]);
  });

  test("past the edge goes on; the prompt shows the part around the cursor", async () => {
    const { terminal, submitted, prompted } = await show({ columns: 20 });
    const line = "abcdefghijklmnopqrstuvwxyz0123456789";
    terminal.press(line);
    await prompted(line.slice(-17));
    expect(terminal.cursor).toEqual({ x: 19, y: 11 });
    terminal.press("\u001b[H");
    await prompted(line.slice(0, 18));
    terminal.press("\r");
    await prompted("");
    expect(submitted).toEqual([line]);
  });

  test("the cursor moves and edits in the middle", async () => {
    const { terminal, submitted, prompted } = await show();
    terminal.press("helo");
    await prompted("helo");
    terminal.press("\u001b[D", "l");
    await prompted("hello");
    terminal.press("\u0008");
    await prompted("helo");
    terminal.press("\u0015");
    await prompted("o");
    terminal.press("\r");
    await prompted("");
    expect(submitted).toEqual(["o"]);
  });

  test("a paste of several lines is several messages", async () => {
    const { terminal, submitted, prompted } = await show();
    terminal.press("\u001b[200~one\ntwo\nthree\u001b[201~");
    await prompted("three");
    expect(submitted).toEqual(["one", "two"]);
  });

  test("a half-typed line survives what comes in", async () => {
    const { terminal, transcript, prompted } = await show();
    terminal.press("half");
    await prompted("half");
    transcript.add("127.0.0.1: hello");
    await terminal.until((screen) => screen.some((row) => row.includes("hello")));
    expect(terminal.rows().at(-1)).toBe("> half");
  });

  test("Ctrl-C interrupts", async () => {
    const { terminal, interrupts } = await show();
    terminal.press("\u0003");
    await expect.poll(interrupts).toBe(1);
  });
});

describe("scrolling", () => {
  const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`);

  test("shows the newest lines until asked to go back", async () => {
    const { terminal } = await show({ lines });
    expect(terminal.window()).toEqual(lines.slice(-8));
    terminal.press("\u001b[5~");
    await terminal.until((screen) => screen[0]?.includes("7 more below") ?? false);
    expect(terminal.window()).toEqual(lines.slice(-15, -7));
    terminal.press("\u001b[A");
    await terminal.until((screen) => screen[0]?.includes("8 more below") ?? false);
    expect(terminal.window()).toEqual(lines.slice(-16, -8));
  });

  test("keeps its place when a line comes in, and goes to the end with one's own", async () => {
    const { terminal, transcript } = await show({ lines });
    terminal.press("\u001b[5~");
    await terminal.until((screen) => screen[0]?.includes("7 more below") ?? false);
    transcript.addUntimed("news");
    await terminal.until((screen) => screen[0]?.includes("8 more below") ?? false);
    expect(terminal.window()).toEqual(lines.slice(-15, -7));
    terminal.press("x\r");
    await terminal.until((screen) => screen.some((row) => row.includes("news")));
    expect(terminal.window().at(-1)).toBe("news");
  });

  test("ends at the first line", async () => {
    const { terminal } = await show({ lines });
    for (let i = 0; i < 10; i++) terminal.press("\u001b[5~");
    await terminal.until((screen) => screen[0]?.includes("32 more below") ?? false);
    expect(terminal.window()).toEqual(lines.slice(0, 8));
  });
});
