import { ChatError } from "@parley/client";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { FAKE_NOW_MS, FakeChat } from "../testing/fake-chat.ts";
import type { ScreenSetting } from "../testing/screen-terminal.ts";
import { ScreenTerminal } from "../testing/screen-terminal.ts";

const open: ScreenTerminal[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((terminal) => terminal.close()));
});

function show(chat: FakeChat, setting: ScreenSetting = {}): ScreenTerminal {
  const terminal = new ScreenTerminal(chat, setting);
  open.push(terminal);
  return terminal;
}

function twoRooms(): { chat: FakeChat; garden: string; kitchen: string } {
  const chat = new FakeChat();
  const garden = chat.addRoom("garden", { topic: "what grows where" });
  const kitchen = chat.addRoom("kitchen");
  chat.receive(garden, "bo", "hello", { unread: false });
  return { chat, garden, kitchen };
}

const DAY_MS = 24 * 60 * 60 * 1000;

describe("the screen", () => {
  test("shows rooms, invitations, timeline, status and a cursor in the composer", async () => {
    const { chat, garden, kitchen } = twoRooms();
    chat.receive(garden, "ana", "hi bo", { atMs: FAKE_NOW_MS + 60_000 });
    chat.event(garden, "cy joined", FAKE_NOW_MS + 60_000);
    chat.receive(kitchen, "bo", "@ana soup", { mentionsMe: true });
    chat.receive(kitchen, "bo", "is ready");
    chat.invitation("dora");
    const terminal = show(chat, { columns: 80, rows: 14 });
    await terminal.until((text) => text.includes("soup") || text.includes("cy joined"));
    expect(terminal.grid()).toEqual([
      " 1 #garden       │ #garden  what grows where                           2 people",
      " 2 #kitchen @1 2 │",
      "                 │",
      " Invitations     │",
      " ? dora          │",
      "                 │",
      "                 │",
      "                 │ ───────────────── Tuesday, 24 November 2026 ─────────────────",
      "                 │ [14:00]       bo  hello",
      "                 │ [14:01]·     ana  hi bo",
      "                 │ [14:01]        ·  cy joined",
      " dora asks you into a room: /accept or /decline",
      " ● Connected · 127.0.0.1:7443, pinned by the invite of 24 November 2026",
      " › Message to garden",
    ]);
    expect(terminal.cursor).toEqual({ x: 3, y: 13 });
  });

  test("is put away without a trace, keyboard and all", async () => {
    const { chat } = twoRooms();
    const terminal = show(chat);
    await terminal.until((text) => text.includes("hello"));
    expect(terminal.alternate).toBe(true);
    expect(terminal.keyboard.raw).toBe(true);
    await terminal.close();
    expect(terminal.alternate).toBe(false);
    expect(terminal.keyboard.raw).toBe(false);
    expect(terminal.grid()[0]).toBe("$ parley");
    for (const mode of ["?2004", "?1000", "?1006", "?1004", "?1049"]) {
      expect(terminal.display.written.lastIndexOf(`${mode}l`)).toBeGreaterThan(
        terminal.display.written.lastIndexOf(`${mode}h`),
      );
    }
  });

  test("leaves on /quit, and on Ctrl-C twice", async () => {
    const { chat } = twoRooms();
    for (const keys of [
      ["/quit", "\r"],
      ["\x03", "\x03"],
    ]) {
      const terminal = show(chat);
      await terminal.until((text) => text.includes("hello"));
      terminal.press(...keys);
      await terminal.done;
      expect(terminal.keyboard.raw).toBe(false);
    }
  });

  test("draws the same in any size, down to almost nothing, and comes back whole", async () => {
    const { chat, garden } = twoRooms();
    chat.receive(
      garden,
      "bo",
      "日本語 👩‍👩‍👧 and a rather long line that needs to be broken in small windows",
      { unread: false },
    );
    const terminal = show(chat, { columns: 100, rows: 20 });
    await terminal.until((text) => text.includes("日本語"));
    const whole = terminal.grid();
    for (const [columns, rows] of [
      [40, 10],
      [20, 6],
      [10, 3],
      [3, 2],
      [1, 1],
      [200, 50],
      [100, 20],
    ] as const) {
      terminal.resize(columns, rows);
      await terminal.settled();
      expect(terminal.grid()).toHaveLength(rows);
    }
    expect(terminal.grid()).toEqual(whole);
  });

  test("has no colour with NO_COLOR", async () => {
    const { chat } = twoRooms();
    const plain = show(chat, { colour: false });
    await plain.until((text) => text.includes("hello"));
    expect(plain.coloured()).toBe(false);
    const coloured = show(chat);
    await coloured.until((text) => text.includes("hello"));
    expect(coloured.coloured()).toBe(true);
  });

  test("asks the terminal for its background, and keeps what is typed meanwhile", async () => {
    const { chat } = twoRooms();
    const terminal = show(chat, { background: undefined });
    terminal.press("ab", "\x1b]11;rgb:ffff/ffff/ffff\x1b\\", "c");
    await terminal.until((text) => text.includes(" › abc"));
    expect(terminal.display.written).toContain("\x1b]11;?");
    expect(terminal.display.written).toContain("48;5;254");
  });

  test("never passes on a control sequence, even from a chat that does", async () => {
    const { chat, garden } = twoRooms();
    chat.receive(garden, "bo", "evil \x1b[2J\x1b]0;owned\x07 \u202etxt", { unread: false });
    const terminal = show(chat);
    const text = await terminal.until((shown) => shown.includes("evil"));
    expect(text).toContain("hello");
    expect(terminal.display.written).not.toContain("\x1b]0;owned");
    expect(terminal.display.written).not.toContain("\u202e");
  });
});

describe("the status bar", () => {
  test("tells of the connection and what waits", async () => {
    const { chat } = twoRooms();
    chat.change({ connection: { kind: "connecting" } });
    const terminal = show(chat, { columns: 120 });
    await terminal.until((text) => text.includes("○ Connecting…"));
    chat.change({
      connection: { kind: "waiting", retryAtMs: FAKE_NOW_MS + 4_200, reason: "refused" },
      queued: 2,
    });
    await terminal.until(
      (text) => text.includes("Connection lost – reconnecting in 5 s") && text.includes("2 queued"),
    );
    chat.change({ connection: { kind: "stopped", reason: "the server changed its identity", exitCode: 11 } });
    await terminal.until((text) => text.includes("■ Stopped: the server changed its identity"));
  });

  test("shows that new people wait for witnesses, and an alarm in the place of that", async () => {
    const { chat } = twoRooms();
    const terminal = show(chat, { columns: 120 });
    await terminal.until((text) => text.includes("Connected"));
    expect(terminal.text()).not.toContain("WITNESSES");
    chat.change({ warnings: ["your witnesses (1 of 1) have not signed this server's log"] });
    await terminal.until((text) => text.includes(" WITNESSES"));
    chat.change({ alarms: ["the server's log forked"] });
    await terminal.until((text) => text.includes(" ALARM") && !text.includes("WITNESSES"));
  });

  test("reminds of the recovery words until they are confirmed", async () => {
    const { chat } = twoRooms();
    chat.change({ recoveryWordsFile: "/home/ana/words.txt" });
    const terminal = show(chat, { columns: 120 });
    await terminal.until((text) => text.includes("Write down your recovery words: /words"));
    terminal.press("/words right words", "\r");
    await terminal.until((text) => !text.includes("Write down"));
    terminal.press("\x1b[A");
    await terminal.settled();
    expect(terminal.text()).not.toContain("right words");
  });
});

describe("sending", () => {
  test("shows how far a message is", async () => {
    const { chat, garden } = twoRooms();
    chat.autoAccept = false;
    const terminal = show(chat);
    await terminal.until((text) => text.includes("hello"));
    terminal.press("to bo", "\r");
    await terminal.until((text) => text.includes("[14:00]◷     ana  to bo") && text.includes("1 queued"));
    chat.acceptQueued();
    await terminal.until((text) => text.includes("[14:00]·     ana  to bo") && !text.includes("queued"));
    const id = chat.timeline(garden, { limit: 1 }).items[0]!.id;
    chat.setSendState(garden, id, { kind: "failed", reason: "the message is too long" });
    await terminal.until(
      (text) =>
        text.includes("[14:00]!     ana  to bo") &&
        text.includes("not sent: the message is too long. /retry"),
    );
  });

  test("a refused message goes back into the composer, with the reason", async () => {
    const { chat } = twoRooms();
    chat.nextError = new ChatError("too-long", "The message is too long");
    const terminal = show(chat);
    await terminal.until((text) => text.includes("hello"));
    terminal.press("so much", "\r");
    await terminal.until((text) => text.includes(" The message is too long") && text.includes(" › so much"));
  });

  test("a paste with line breaks never sends by itself", async () => {
    const { chat } = twoRooms();
    const terminal = show(chat);
    await terminal.until((text) => text.includes("hello"));
    terminal.press("\x1b[200~one\rtwo\r\x1b[201~");
    await terminal.until((text) => text.includes(" › one") && text.includes("   two"));
    terminal.press("three\rfour");
    await terminal.until((text) => text.includes("   four"));
    expect(chat.calls).toEqual([]);
    terminal.press("\r");
    await terminal.until((text) => text.includes(" › Message to"));
    expect(chat.calls).toEqual(["send one\ntwo\nthree\nfour"]);
  });

  test.each([
    ["Alt-Enter", "\x1b\r"],
    ["Shift-Enter", "\x1b[13;2u"],
    ["Ctrl-J", "\n"],
    ["a backslash and Enter", "\\\r"],
  ])("%s makes a new line", async (_name, keys) => {
    const { chat } = twoRooms();
    const terminal = show(chat);
    await terminal.until((text) => text.includes("hello"));
    terminal.press("one", keys, "two", "\r");
    await terminal.until((text) => text.includes("  two"));
    expect(chat.calls).toEqual(["send one\ntwo"]);
  });

  test("the history comes back with the arrow keys", async () => {
    const { chat } = twoRooms();
    const terminal = show(chat);
    await terminal.until((text) => text.includes("hello"));
    terminal.press("first", "\r", "second", "\r", "draft", "\x1b[A", "\x1b[A");
    await terminal.until((text) => text.includes(" › first"));
    terminal.press("\x1b[B", "\x1b[B");
    await terminal.until((text) => text.includes(" › draft"));
  });

  test("Tab completes and cycles", async () => {
    const { chat } = twoRooms();
    const terminal = show(chat);
    await terminal.until((text) => text.includes("hello"));
    terminal.press("/r", "\t");
    await terminal.until((text) => text.includes(" › /room") && text.includes("/retry /remove /role"));
    terminal.press("\t");
    await terminal.until((text) => text.includes(" › /retry"));
    terminal.press("\x1b[Z", "g", "\t");
    await terminal.until((text) => text.includes(" › /room garden"));
  });
});

describe("rooms", () => {
  test("are gone to by number, neighbour, what is unread, and click; drafts stay", async () => {
    const { chat, kitchen } = twoRooms();
    chat.addRoom("attic");
    const terminal = show(chat);
    await terminal.until((text) => text.includes("hello"));
    terminal.press("draft", "\x1b2");
    await terminal.until((text) => text.includes("Message to kitchen"));
    terminal.press("\x1b[1;3B");
    await terminal.until((text) => text.includes("Message to attic"));
    terminal.press("\x0e");
    await terminal.until((text) => text.includes(" › draft"));
    chat.receive(kitchen, "bo", "psst");
    terminal.press("\x1ba");
    await terminal.until((text) => text.includes("psst") && text.includes(" new "));
    terminal.press("\x1b[<0;3;3M");
    await terminal.until((text) => text.includes("Message to attic"));
  });

  test("are read when they are looked at, not while the terminal is elsewhere", async () => {
    const { chat, garden } = twoRooms();
    const terminal = show(chat);
    await terminal.until((text) => text.includes("hello"));
    chat.receive(garden, "bo", "seen at once");
    await terminal.until((text) => text.includes("seen at once"));
    await terminal.settled();
    expect(chat.snapshot().rooms[0]?.unread).toBe(0);
    terminal.press("\x1b[O");
    chat.receive(garden, "bo", "not seen");
    await terminal.until((text) => text.includes("not seen") && /1 #garden +1 │/.test(text));
    terminal.press("\x1b[I");
    await terminal.until((text) => !/1 #garden +1 │/.test(text));
  });

  test("without any, the screen says how to begin", async () => {
    const terminal = show(new FakeChat());
    await terminal.until(
      (text) => text.includes("Welcome, ana.") && text.includes("/room NAME    make a room"),
    );
    terminal.press("/room attic", "\r");
    await terminal.until((text) => text.includes("#attic") && text.includes("Made the room attic"));
  });

  test("a small window without room list tells where something is new", async () => {
    const { chat, kitchen } = twoRooms();
    chat.receive(kitchen, "bo", "psst", { mentionsMe: true });
    const terminal = show(chat, { columns: 40, rows: 10 });
    await terminal.until((text) => /#garden .* 2:@1/.test(text));
  });
});

describe("scrolling back", () => {
  test("by page, wheel, Home and End, through 100,000 messages", async () => {
    const { chat, garden } = twoRooms();
    chat.fill(garden, 100_000);
    const terminal = show(chat);
    await terminal.until((text) => text.includes("message 99999"));
    terminal.press("\x1b[5~");
    await terminal.until((text) => text.includes("scrolled back") && !text.includes("message 99999"));
    chat.receive(garden, "bo", "newest");
    await terminal.until((text) => text.includes("1 new below"));
    terminal.press("\x1b[H");
    await terminal.until((text) => text.includes("message 0\n"));
    terminal.press("\x1b[F");
    await terminal.until((text) => text.includes("newest") && !text.includes("below"));
    terminal.press("\x1b[<64;40;5M");
    await terminal.until((text) => text.includes("scrolled back") && !text.includes("newest"));
    terminal.press("\x1b");
    await terminal.until((text) => text.includes("newest"));
  });

  test("/clear hides what was there, scrolling up brings it back", async () => {
    const { chat, garden } = twoRooms();
    const terminal = show(chat);
    await terminal.until((text) => text.includes("hello"));
    terminal.press("/clear", "\r");
    await terminal.until((text) => !text.includes("hello"));
    chat.receive(garden, "bo", "after", { atMs: FAKE_NOW_MS + DAY_MS });
    await terminal.until((text) => text.includes("after") && !text.includes("hello"));
    terminal.press("\x1b[5~");
    await terminal.until((text) => text.includes("hello"));
  });
});

describe("pages", () => {
  test("/help scrolls and closes", async () => {
    const { chat } = twoRooms();
    const terminal = show(chat);
    await terminal.until((text) => text.includes("hello"));
    terminal.press("/help", "\r");
    await terminal.until((text) => text.includes("Commands and keys") && text.includes("/room NAME"));
    terminal.press("\x1b[6~", "\x1b[6~", "\x1b[6~", "\x1b[6~");
    await terminal.until((text) => text.includes("//text sends a message"));
    terminal.press("\x1b");
    await terminal.until((text) => !text.includes("Commands and keys"));
  });

  test("/invite shows a link that can be selected as a whole, and puts it on the clipboard", async () => {
    const { chat } = twoRooms();
    const terminal = show(chat);
    await terminal.until((text) => text.includes("hello"));
    terminal.press("/invite", "\r");
    await terminal.until((text) => text.includes("A link for one new person"));
    const link = await chat.createInviteLink({});
    expect(terminal.grid().join("")).toContain(link);
    expect(terminal.display.written).toContain(Buffer.from(link).toString("base64"));
  });
});

test("random keys, messages and sizes never crash it, and what is drawn bit by bit equals what is drawn anew", async () => {
  const step = fc.oneof(
    fc.constantFrom(
      "a",
      "word ",
      "\r",
      "\x1b\r",
      "\t",
      "\x1b[Z",
      "\x7f",
      "\x17",
      "\x15",
      "\x0b",
      "\x19",
      "\x1b[A",
      "\x1b[B",
      "\x1b[C",
      "\x1b[D",
      "\x1b[H",
      "\x1b[F",
      "\x1b[5~",
      "\x1b[6~",
      "\x1b1",
      "\x1b2",
      "\x1b[1;3A",
      "\x1ba",
      "/",
      "/help\r",
      "/who\r",
      "/clear\r",
      "日本",
      "👩‍👩‍👧",
      "\u0301",
      "\x1b[200~a\rb\x1b[201~",
      "\x1b[<64;10;5M",
      "\x1b[<65;10;5M",
      "\x1b[<0;3;2M",
      "\x1b[O",
      "\x1b[I",
      "\x1b",
    ),
    fc.record({ columns: fc.integer({ min: 1, max: 130 }), rows: fc.integer({ min: 1, max: 45 }) }),
    fc.constantFrom("message" as const, "lost" as const, "invitation" as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { chat, garden } = twoRooms();
      chat.fill(garden, 200, (index) =>
        index % 5 === 0 ? "日本語のテキスト ".repeat(9) : `message ${index}`,
      );
      const terminal = new ScreenTerminal(chat, { columns: 80, rows: 24 });
      await terminal.until((text) => text.includes("message 199"));
      for (const one of steps) {
        if (typeof one === "object") terminal.resize(one.columns, one.rows);
        else if (one === "message") chat.receive(garden, "bo", "fresh 👍🏽");
        else if (one === "lost")
          chat.change({ connection: { kind: "waiting", retryAtMs: FAKE_NOW_MS + 9_000, reason: "" } });
        else if (one === "invitation") chat.invitation("dora");
        else terminal.press(one);
      }
      terminal.resize(90, 20);
      await terminal.settled();
      const bitByBit = terminal.grid();
      terminal.press("\x0c");
      await terminal.settled();
      expect(terminal.grid()).toEqual(bitByBit);
      await terminal.close();
    }),
    { numRuns: 25 },
  );
});
