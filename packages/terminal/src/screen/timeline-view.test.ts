import type { TimelineItem } from "@parley/client";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FakeChat } from "../testing/fake-chat.ts";
import { TimelineView } from "./timeline-view.ts";

/** Item n has 1 + n % 3 rows. */
function layout(item: TimelineItem): string[] {
  const rows = 1 + (item.seq % 3);
  return Array.from({ length: rows }, (_, index) => `${item.id}.${index}`);
}

function roomOf(count: number): {
  chat: FakeChat;
  room: string;
  view: TimelineView<string>;
  all: () => string[];
} {
  const chat = new FakeChat();
  const room = chat.addRoom("garden");
  chat.fill(room, count);
  const all = () => chat.timeline(room, { limit: Number.MAX_SAFE_INTEGER }).items.flatMap(layout);
  return { chat, room, view: new TimelineView<string>(chat, room), all };
}

const shown = (view: TimelineView<string>, height: number) =>
  view.window(height, layout).rows.map(({ row }) => row);

describe("scrolling", () => {
  test("shows exactly the rows a plain list would, for any sequence of moves", () => {
    const move = fc.oneof(
      fc.integer({ min: -60, max: 60 }),
      fc.constantFrom("start" as const, "end" as const, "message" as const),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 400 }),
        fc.integer({ min: 1, max: 30 }),
        fc.array(move, { maxLength: 25 }),
        (count, height, moves) => {
          const { chat, room, view, all } = roomOf(count);
          let bottom = all().length;
          let following = true;
          for (const one of moves) {
            const total = all().length;
            if (one === "message") {
              chat.receive(room, "bo", "new");
              if (following) bottom = all().length;
            } else if (one === "start") {
              view.toStart(height, layout);
              bottom = Math.min(height, total);
            } else if (one === "end") {
              view.toEnd();
              bottom = total;
            } else {
              view.scroll(one, height, layout);
              bottom =
                one < 0 ? Math.max(Math.min(height, bottom), bottom + one) : Math.min(total, bottom + one);
            }
            if (one !== "message") following = bottom === all().length;
            expect(shown(view, height)).toEqual(all().slice(Math.max(0, bottom - height), bottom));
            expect(view.following).toBe(following);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("reads and lays out only what it needs of 100,000 messages", () => {
    const { chat, room, view } = roomOf(100_000);
    let laidOut = 0;
    let read = 0;
    const counting = new TimelineView<string>(
      {
        timeline: (id, options) => {
          const page = chat.timeline(id, options);
          read += page.items.length;
          return page;
        },
      },
      room,
    );
    const counted = (item: TimelineItem) => {
      laidOut += 1;
      return layout(item);
    };
    counting.window(40, counted);
    counting.scroll(-40, 40, counted);
    counting.window(40, counted);
    expect(laidOut).toBeLessThan(200);
    expect(read).toBeLessThan(2_000);
    view.toStart(40, layout);
    expect(shown(view, 40)[0]).toBe("fill-0.0");
  });
});

test("counts what is new below, and forgets it at the end", () => {
  const { chat, room, view } = roomOf(100);
  view.window(10, layout);
  view.scroll(-5, 10, layout);
  chat.receive(room, "bo", "one");
  chat.receive(room, "ana", "own");
  chat.receive(room, "cy", "two");
  expect(view.window(10, layout)).toMatchObject({ atEnd: false, newBelow: 2 });
  view.toEnd();
  expect(view.window(10, layout)).toMatchObject({ atEnd: true, newBelow: 0 });
});

test("stays where it is while thousands of messages arrive", () => {
  const { chat, room, view } = roomOf(300);
  view.window(10, layout);
  view.scroll(-20, 10, layout);
  const before = shown(view, 10);
  const { items } = chat.timeline(room, { limit: 300 });
  chat.fill(room, 300 + 5_000);
  expect(items).toHaveLength(300);
  expect(shown(view, 10)).toEqual(before);
  expect(view.window(10, layout).newBelow).toBeGreaterThan(600);
});

test("fills the window also when items have become shorter", () => {
  const { view } = roomOf(50);
  const tall = (item: TimelineItem) => Array.from({ length: 9 }, (_, index) => `${item.id}.${index}`);
  view.window(12, tall);
  view.toStart(12, tall);
  expect(shown(view, 12)).toHaveLength(12);
  view.scroll(-5, 12, tall);
  expect(shown(view, 12)[0]).toBe("fill-0.0");
});
