import { ChatError } from "@parley/client";
import { describe, expect, test } from "vitest";
import { FakeChat } from "../testing/fake-chat.ts";
import { completeInput } from "./completion.ts";
import { parseInputLine, runInputLine } from "./input-line.ts";
import { COMMANDS } from "./registry.ts";

function setUp() {
  const chat = new FakeChat();
  const id = chat.addRoom("garden");
  const context = () => ({ chat, room: chat.snapshot().rooms.find((room) => room.id === id) });
  const enter = (input: string) => runInputLine(parseInputLine(input), context());
  const complete = (text: string) => completeInput(text, text.length, context())?.candidates ?? [];
  return { chat, id, enter, complete };
}

describe("what is entered", () => {
  test("is a message, also when it begins with two slashes", async () => {
    const { chat, enter } = setUp();
    await enter("hello\nworld");
    await enter("//etc/hosts");
    expect(chat.calls).toEqual(["send hello\nworld", "send /etc/hosts"]);
  });

  test("is nothing when there are only spaces", async () => {
    const { chat, enter } = setUp();
    expect(await enter("  \n ")).toEqual({ kind: "done" });
    expect(chat.calls).toEqual([]);
  });

  test.each([
    ["/hlep", "There is no command /hlep. Did you mean /help?"],
    ["/inv", "There is no command /inv. Did you mean /invite?"],
    ["/xyzzyx", "There is no command /xyzzyx. /help lists them"],
  ])("%s leads to the nearest command", async (input, text) => {
    expect(await setUp().enter(input)).toEqual({ kind: "failed", text });
  });

  test.each(["/quit", "/exit", "!exit"])("%s quits", async (input) => {
    expect(await setUp().enter(input)).toEqual({ kind: "quit" });
  });

  test("a refusal is one line", async () => {
    const { chat, enter } = setUp();
    chat.nextError = new ChatError("unreachable", "cy has no keys left; try later");
    expect(await enter("/invite cy")).toEqual({ kind: "failed", text: "cy has no keys left; try later" });
  });
});

describe("commands", () => {
  test.each([
    ["/room kitchen", "createRoom kitchen"],
    ["/dm @bo", "openDirect bo"],
    ["/invite @bo, cy", "invite garden bo,cy"],
    ["/remove bo", "removeMember garden bo"],
    ["/topic what grows where", "setTopic what grows where"],
    ["/name orchard", "renameRoom orchard"],
    ["/role bo admin", "setRole bo admin"],
    ["/timer 8h", "setKeepTime 28800000"],
    ["/timer off", "setKeepTime 0"],
    ["/leave", "leaveRoom garden"],
  ])("%s calls %s", async (input, call) => {
    const { chat, enter } = setUp();
    await enter(input);
    expect(chat.calls).toEqual([call]);
  });

  test("/room goes to a room that exists", async () => {
    const { chat, id, enter } = setUp();
    expect(await enter("/room #Garden")).toEqual({ kind: "opened", room: id });
    expect(chat.calls).toEqual([]);
  });

  test("/invite without names makes a link into the room", async () => {
    const { enter } = setUp();
    expect(await enter("/invite")).toMatchObject({ kind: "shown", copy: expect.stringContaining("/i#") });
  });

  test("/accept and /decline find the invitation by the inviter's name", async () => {
    const { chat, enter } = setUp();
    expect(await enter("/accept")).toEqual({ kind: "failed", text: "There is no invitation" });
    chat.invitation("bo");
    chat.invitation("cy");
    expect(await enter("/accept")).toEqual({ kind: "failed", text: "Whose? Invited by bo, cy" });
    expect(await enter("/decline cy")).toMatchObject({ kind: "said" });
    expect(await enter("/accept")).toMatchObject({ kind: "opened" });
    expect(chat.snapshot().invitations).toEqual([]);
  });

  test("/words tells where they are, then confirms them", async () => {
    const { chat, enter } = setUp();
    chat.change({ recoveryWordsFile: "/home/ana/words.txt" });
    expect(await enter("/words")).toMatchObject({ lines: expect.arrayContaining(["/home/ana/words.txt"]) });
    expect(await enter("/words wrong")).toMatchObject({ kind: "failed" });
    expect(await enter("/words  RIGHT  words")).toMatchObject({ kind: "said" });
  });

  test("/verify shows the server's code, and how to check a person", async () => {
    const { enter } = setUp();
    expect(await enter("/verify")).toMatchObject({
      lines: expect.arrayContaining(["Server code\t48213 90077 15530 62841 07719 33402"]),
    });
    expect(await enter("/verify bo")).toMatchObject({
      lines: expect.arrayContaining(["/verify @bo emoji\tor compare seven pictures while you talk"]),
    });
    expect(await enter("/verify zoe")).toMatchObject({ kind: "failed" });
  });

  test("each command that needs a room says so without one", async () => {
    const chat = new FakeChat();
    for (const name of ["who", "leave", "topic x", "remove bo", "invite bo"]) {
      expect(await runInputLine(parseInputLine(`/${name}`), { chat, room: undefined })).toEqual({
        kind: "failed",
        text: "Open a room first: /room NAME",
      });
    }
  });

  test("the help page names all of them", async () => {
    const outcome = await setUp().enter("/help");
    for (const { name } of COMMANDS) expect(JSON.stringify(outcome)).toContain(`/${name}`);
  });
});

describe("completion", () => {
  test("of commands, people, rooms, roles", () => {
    const { complete } = setUp();
    expect(complete("/rem")).toEqual(["/remove "]);
    expect(complete("/remove b")).toEqual(["bo "]);
    expect(complete("/role bo a")).toEqual(["admin "]);
    expect(complete("/room ga")).toEqual(["garden "]);
    expect(complete("hello @B")).toEqual(["@bo "]);
    expect(complete("bo")).toEqual(["@bo "]);
    expect(complete("see #g")).toEqual(["#garden "]);
  });

  test("offers nothing where nothing fits", () => {
    const { complete } = setUp();
    for (const text of ["", "hello ", "/topic b", "/nothing x", "//rem", "zzz"])
      expect(complete(text)).toEqual([]);
  });
});
