import fc from "fast-check";
import { expect, test } from "vitest";
import type { TimelineItem } from "../chat/chat.ts";
import type { ClientStore } from "../store/client-store.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { ChangeSet, timelineKey } from "./room-record.ts";
import type { StoredItem } from "./timeline.ts";
import { Timeline } from "./timeline.ts";

const ROOM = "ab".repeat(16);

function timelineOver(store: ClientStore) {
  const shown: string[] = [];
  const timeline = new Timeline(store, ROOM, (id, item): TimelineItem => {
    shown.push(id);
    return {
      kind: "event",
      id,
      seq: item.seq,
      atMs: item.atMs,
      text: item.kind === "event" ? item.text : "",
    };
  });
  return { timeline, shown };
}

function event(seq: number, text = `event ${seq}`): StoredItem {
  return { kind: "event", seq, atMs: seq * 1000, text };
}

/** As a room does it: on disk first, then in memory. */
function append(store: ClientStore, timeline: Timeline, items: ReadonlyMap<string, StoredItem>): void {
  const changes = new ChangeSet();
  for (const [id, item] of items) timeline.put(changes, id, item);
  store.write(changes.list());
  timeline.appended(items);
}

function filled(count: number) {
  const store = new MemoryStore();
  const made = timelineOver(store);
  const items = new Map(Array.from({ length: count }, (_, i) => [timelineKey(i + 1), event(i + 1)] as const));
  append(store, made.timeline, items);
  return { store, ...made };
}

const seqs = (items: readonly TimelineItem[]) => items.map(({ seq }) => seq);

test("an empty timeline has one empty page", () => {
  const { timeline } = filled(0);
  expect(timeline.page(10)).toEqual({ items: [], more: false });
  expect(timeline.page(10, timelineKey(5))).toEqual({ items: [], more: false });
});

test("pages go back from the newest, oldest first in each, until there are no more", () => {
  const { timeline } = filled(7);
  const last = timeline.page(3);
  expect([seqs(last.items), last.more]).toEqual([[5, 6, 7], true]);
  const middle = timeline.page(3, last.items[0]?.id);
  expect([seqs(middle.items), middle.more]).toEqual([[2, 3, 4], true]);
  const first = timeline.page(3, middle.items[0]?.id);
  expect([seqs(first.items), first.more]).toEqual([[1], false]);
  expect(timeline.page(7).more).toBe(false);
});

test.each([2, 400, 450, 900])(
  "a first page that is just full has nothing before it (%i items each)",
  (size) => {
    const { timeline } = filled(2 * size);
    const last = timeline.page(size);
    const first = timeline.page(size, last.items[0]?.id);
    expect([last.more, first.more]).toEqual([true, false]);
    expect(seqs([...first.items, ...last.items])).toEqual(Array.from({ length: 2 * size }, (_, i) => i + 1));
  },
);

test("what is asked for again is made once", () => {
  const { timeline, shown } = filled(20);
  timeline.page(10);
  timeline.page(10);
  timeline.page(5, timelineKey(8));
  expect(shown).toHaveLength(20);
  timeline.forgetTail();
  timeline.page(10);
  expect(shown).toHaveLength(40);
});

test("a timeline far larger than what is in memory is read from disk, whatever is in memory", () => {
  const { timeline, store } = filled(1500);
  const all: number[] = [];
  let before: string | undefined;
  for (;;) {
    const { items, more } = timeline.page(130, before);
    all.unshift(...seqs(items));
    before = items[0]?.id;
    if (!more) break;
    const next = all.at(-1) as number;
    append(store, timeline, new Map([[timelineKey(next + all.length), event(next + all.length)]]));
  }
  expect(all).toEqual(Array.from({ length: 1500 }, (_, i) => i + 1));
});

test("only the newest stays in memory when it grows", () => {
  const { timeline, store, shown } = filled(10);
  timeline.page(1);
  for (let seq = 11; seq <= 1011; seq += 100) {
    const items = Array.from({ length: 100 }, (_, i) => [timelineKey(seq + i), event(seq + i)] as const);
    append(store, timeline, new Map(items));
  }
  shown.length = 0;
  expect(timeline.page(300)).toMatchObject({ more: true });
  expect(shown).toHaveLength(0);
  expect(timeline.page(900).items).toHaveLength(900);
  expect(shown).toHaveLength(900);
});

test("an item put anew takes the place of the one before, in memory and on disk", () => {
  const { timeline, store } = filled(3);
  timeline.page(3);
  append(store, timeline, new Map([[timelineKey(2), event(2, "changed")]]));
  for (const { items } of [timeline.page(3), timelineOver(store).timeline.page(3)]) {
    expect(items.map((item) => (item.kind === "event" ? item.text : ""))).toEqual([
      "event 1",
      "changed",
      "event 3",
    ]);
  }
  expect(timeline.get(timelineKey(2))).toEqual(event(2, "changed"));
  expect(timeline.get(timelineKey(9))).toBeUndefined();
});

test("other rooms' items are not shown", () => {
  const { timeline, store } = filled(2);
  const other = new Timeline(store, "ab".repeat(15), () => {
    throw new Error("nothing of this room is stored");
  });
  expect(other.page(10).items).toEqual([]);
  expect(timeline.page(10).items).toHaveLength(2);
});

test("paging is that of a sorted list, whatever was appended, changed, asked for and forgotten before", () => {
  const id = fc.tuple(fc.nat(900), fc.nat(2)).map(([seq, n]) => ({ seq, key: timelineKey(seq, n) }));
  const step = fc.oneof(
    fc.record({ do: fc.constant("append" as const), ids: fc.array(id, { maxLength: 4 }) }),
    fc.record({ do: fc.constant("batch" as const), from: fc.nat(900), size: fc.nat(900) }),
    fc.record({
      do: fc.constant("page" as const),
      limit: fc.integer({ min: 1, max: 500 }),
      before: fc.option(id),
    }),
    fc.record({ do: fc.constant("forget" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 25 }), (steps) => {
      const store = new MemoryStore();
      const { timeline } = timelineOver(store);
      const model = new Map<string, string>();
      let version = 0;
      const put = (ids: readonly { readonly seq: number; readonly key: string }[]) => {
        const text = `version ${++version}`;
        for (const { key } of ids) model.set(key, text);
        append(store, timeline, new Map(ids.map(({ seq, key }) => [key, event(seq, text)])));
      };
      for (const one of steps) {
        if (one.do === "append") put(one.ids);
        if (one.do === "forget") timeline.forgetTail();
        if (one.do === "batch") {
          put(
            Array.from({ length: one.size }, (_, i) => ({
              seq: one.from + i,
              key: timelineKey(one.from + i),
            })),
          );
        }
        if (one.do !== "page") continue;
        const before = one.before?.key;
        const { items, more } = timeline.page(one.limit, before);
        const below = [...model].sort().filter(([key]) => before === undefined || key < before);
        expect(items.map((item) => [item.id, item.kind === "event" && item.text])).toEqual(
          below.slice(-one.limit),
        );
        expect(more).toBe(below.length > one.limit);
      }
    }),
    { numRuns: 150 },
  );
});
