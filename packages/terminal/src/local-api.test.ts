import { ChatError } from "@parley/client";
import type { Json, LocalAttachment } from "@parley/client/node";
import { describe, expect, test } from "vitest";
import type { LocalApi } from "./local-api.ts";
import { attachedApi, chatApi, localHandler } from "./local-api.ts";
import { FakeChat } from "./testing/fake-chat.ts";

/** The handler, reached as through the socket: everything travels as JSON text. */
function attachmentTo(api: LocalApi): LocalAttachment {
  const handler = localHandler(api);
  const travel = (value: Json): Json => JSON.parse(JSON.stringify(value)) as Json;
  return {
    role: "attached",
    call: async (method, params) =>
      travel(await handler.call(method, travel(params), new AbortController().signal)),
    async *stream(method, params) {
      for await (const item of handler.stream(method, travel(params), new AbortController().signal))
        yield travel(item);
    },
    ended: new Promise(() => {}),
    close: () => {},
  };
}

function setUp() {
  const chat = new FakeChat();
  const room = chat.addRoom("garden");
  chat.receive(room, "bo", "hello", { mentionsMe: true });
  chat.invitation("dora");
  const own = chatApi(chat);
  return { chat, room, own, attached: attachedApi(attachmentTo(own)) };
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("an attached process", () => {
  test("gets what the owner has", async () => {
    const { own, attached } = setUp();
    const { signal } = new AbortController();
    expect(await attached.status()).toEqual(await own.status());
    expect(await attached.rooms()).toEqual(await own.rooms());
    expect(await attached.invite({ room: "#garden" })).toBe(await own.invite({ room: "garden" }));
    const request = { room: "garden", limit: 5, follow: false };
    expect(await all(attached.timeline(request, signal))).toEqual(await all(own.timeline(request, signal)));
  });

  test("tells what is new", async () => {
    const { attached } = setUp();
    expect(await attached.status()).toMatchObject({
      name: "ana",
      unread: 1,
      mentions: 1,
      invitations: [{ from: "dora", direct: false }],
      connection: { kind: "connected" },
    });
  });

  test("sends, and waits for the relay", async () => {
    const { chat, attached } = setUp();
    chat.autoAccept = false;
    expect(await attached.send({ room: "garden", text: "a", waitMs: 0 })).toMatchObject({
      state: { kind: "queued" },
    });
    const sending = attached.send({ room: "garden", text: "b", waitMs: 60_000 });
    await new Promise((resolve) => setImmediate(resolve));
    chat.acceptQueued();
    expect(await sending).toMatchObject({ state: { kind: "sent" } });
  });

  test("runs slash commands", async () => {
    const { chat, attached } = setUp();
    expect(await attached.command({ room: "garden", input: "topic roses" })).toEqual({
      failed: false,
      lines: [],
    });
    expect(await attached.command({ room: "garden", input: "/who" })).toMatchObject({
      lines: ["2 people in garden", "ana – you, owner", "bo"],
    });
    expect(await attached.command({ input: "/who" })).toEqual({
      failed: true,
      lines: ["Open a room first: /room NAME"],
    });
    expect(chat.calls).toEqual(["setTopic roses"]);
  });

  test("is refused in words", async () => {
    const { attached } = setUp();
    await expect(attached.send({ room: "attic", text: "a", waitMs: 0 })).rejects.toThrow(
      new ChatError("no-such-room", "There is no room attic"),
    );
  });
});

test("what an attached process sends is checked before it is used", async () => {
  const { chat, own } = setUp();
  const handler = localHandler(own);
  const { signal } = new AbortController();
  const wrong: readonly (readonly [string, Json])[] = [
    ["send", null],
    ["send", { room: "garden", text: 1, waitMs: 0 }],
    ["send", { room: "garden", text: "a", waitMs: -1 }],
    ["send", ["garden"]],
    ["command", { input: {} }],
    ["invite", { ttlMs: "1" }],
    ["close", {}],
  ];
  for (const [method, params] of wrong)
    await expect(handler.call(method, params, signal)).rejects.toThrow(ChatError);
  await expect(all(handler.stream("timeline", { room: "garden" }, signal))).rejects.toThrow(ChatError);
  expect(chat.calls).toEqual([]);
});
