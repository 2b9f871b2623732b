import { expect, test } from "vitest";
import { FAKE_NOW_MS, FakeChat } from "./testing/fake-chat.ts";
import { followTimeline } from "./timeline-feed.ts";

function setUp() {
  const chat = new FakeChat();
  const room = chat.addRoom("garden");
  const stopping = new AbortController();
  const feed = (limit: number, follow: boolean, sinceMs?: number) =>
    followTimeline(chat, room, { limit, follow, sinceMs, signal: stopping.signal });
  return { chat, room, stopping, feed };
}

async function ids(feed: AsyncIterable<{ id: string }>): Promise<string[]> {
  const found: string[] = [];
  for await (const { id } of feed) found.push(id);
  return found;
}

test("without follow, yields the newest, oldest first, and ends", async () => {
  const { chat, room, feed } = setUp();
  chat.fill(room, 500);
  expect(await ids(feed(3, false))).toEqual(["fill-497", "fill-498", "fill-499"]);
  expect(await ids(feed(500, false, FAKE_NOW_MS - 60_000))).toEqual(["fill-498", "fill-499"]);
});

test("with follow, yields each later item once, also a thousand at a time", async () => {
  const { chat, room, stopping, feed } = setUp();
  chat.fill(room, 10);
  const found: string[] = [];
  const reading = (async () => {
    for await (const item of feed(2, true)) {
      found.push(item.id);
      if (found.length === 2) chat.fill(room, 1_010);
      if (found.length === 1_002) stopping.abort();
    }
  })();
  await reading;
  expect(found).toEqual([
    "fill-8",
    "fill-9",
    ...Array.from({ length: 1_000 }, (_, index) => `fill-${index + 10}`),
  ]);
});

test("own messages are yielded when they are sent, not while they wait", async () => {
  const { chat, room, stopping, feed } = setUp();
  chat.autoAccept = false;
  const found: string[] = [];
  const reading = (async () => {
    for await (const item of feed(5, true)) {
      found.push(item.kind === "message" ? `${item.text} ${item.send.kind}` : item.kind);
      if (found.length === 2) stopping.abort();
    }
  })();
  await chat.send(room, "mine");
  chat.receive(room, "bo", "theirs");
  await new Promise((resolve) => setImmediate(resolve));
  chat.acceptQueued();
  await reading;
  expect(found).toEqual(["theirs sent", "mine sent"]);
});
