import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { FAKE_NOW_MS, FakeChat } from "../testing/fake-chat.ts";
import { runPlainChat } from "./plain-chat.ts";

function start(chat: FakeChat) {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  let written = "";
  let wake = (): void => {};
  stdout.on("data", (chunk: Buffer) => {
    written += chunk.toString();
    wake();
  });
  const done = runPlainChat({
    chat,
    streams: { stdin, stdout },
    signal: new AbortController().signal,
    timeZone: "UTC",
    nowMs: () => FAKE_NOW_MS,
  });
  const until = async (text: string): Promise<void> => {
    while (!written.includes(text)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    done,
    until,
    type: (line: string) => stdin.write(`${line}\n`),
    lines: () => written.trimEnd().split("\n"),
  };
}

test("is one line after the other, without frames, colours or redrawing", async () => {
  const chat = new FakeChat();
  const garden = chat.addRoom("garden", { topic: "what grows where" });
  const kitchen = chat.addRoom("kitchen");
  chat.receive(garden, "bo", "hello\nthere");
  const { done, until, type, lines } = start(chat);
  await until("bo: hello");
  chat.event(garden, "cy joined");
  await until("cy joined");
  chat.receive(kitchen, "cy", "@ana soup", { mentionsMe: true });
  await until("1 new");
  chat.invitation("dora");
  await until("dora");
  chat.change({
    connection: { kind: "waiting", retryAtMs: FAKE_NOW_MS + 1_000, reason: "the network is down" },
  });
  await until("lost");
  type("my own words");
  type("/nonsense");
  await until("/nonsense");
  type("/quit");
  await done;
  expect(lines()).toEqual([
    "Parley, plain. You are ana. /help lists the commands, /quit leaves.",
    "Connected to 127.0.0.1:7443, pinned by the invite of 24 November 2026.",
    "Room #garden: what grows where",
    "Tuesday, 24 November 2026",
    "[14:00] bo: hello / there",
    "[14:00] * cy joined",
    "#kitchen: 1 new, for you",
    "dora asks you into a room: /accept or /decline",
    "Connection lost: the network is down",
    "There is no command /nonsense. /help lists them",
  ]);
  expect(chat.calls).toEqual(["send my own words"]);
});

test("tells of a message that could not be sent", async () => {
  const chat = new FakeChat();
  const garden = chat.addRoom("garden");
  chat.autoAccept = false;
  const { done, until, type } = start(chat);
  await until("Room #garden");
  type("too much");
  while (chat.timeline(garden, { limit: 1 }).items.length === 0)
    await new Promise((resolve) => setImmediate(resolve));
  chat.setSendState(garden, chat.timeline(garden, { limit: 1 }).items[0]!.id, {
    kind: "failed",
    reason: "the room is gone",
  });
  await until("ana: too much (not sent: the room is gone)");
  type("!exit");
  await done;
});

test("switches rooms and leaves at the end of input", async () => {
  const chat = new FakeChat();
  chat.addRoom("garden");
  const kitchen = chat.addRoom("kitchen");
  chat.receive(kitchen, "bo", "soup");
  const { until, type } = start(chat);
  type("/room kitchen");
  await until("bo: soup");
  expect(chat.snapshot().rooms[1]?.unread).toBe(0);
});
