import type { Chat, TimelineItem } from "@parley/client";

const PAGE = 200;
/** Ids remembered to tell new items from old ones. */
const MEMORY = 5_000;

/** Which items {@link followTimeline} yields. */
export interface FeedOptions {
  readonly limit: number;
  readonly sinceMs?: number | undefined;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/**
 * A room's newest items, oldest first, each once; own messages when they are sent or have failed, not while they wait. With  `follow` also those that come, until `signal` fires.
 */
export async function* followTimeline(
  chat: Chat,
  room: string,
  { limit, sinceMs = 0, follow, signal }: FeedOptions,
): AsyncGenerator<TimelineItem> {
  const seen = new Set<string>();
  let changed = Promise.withResolvers<void>();
  const wake = (): void => changed.resolve();
  const stop = follow ? chat.subscribeTimeline(room, wake) : () => {};
  signal.addEventListener("abort", wake);
  try {
    const start = chat.timeline(room, { limit }).items.filter(isSettled);
    for (const item of chat.timeline(room, { limit: Math.max(limit, PAGE) }).items.filter(isSettled))
      seen.add(item.id);
    yield* start.filter((item) => item.atMs >= sinceMs);
    while (follow && !signal.aborted) {
      const fresh = newItems(chat, room, seen);
      yield* fresh;
      if (fresh.length > 0) continue;
      await changed.promise;
      changed = Promise.withResolvers();
    }
  } finally {
    stop();
    signal.removeEventListener("abort", wake);
  }
}

/** Items not in `seen`, which they are added to. Reads further back while a whole page is new. */
function newItems(chat: Chat, room: string, seen: Set<string>): TimelineItem[] {
  const fresh: TimelineItem[] = [];
  let before: string | undefined;
  for (;;) {
    const { items, more } = chat.timeline(room, { limit: PAGE, ...(before !== undefined && { before }) });
    const unseen = items.filter((item) => isSettled(item) && !seen.has(item.id));
    fresh.unshift(...unseen);
    before = items[0]?.id;
    if (unseen.length < items.length || !more || before === undefined) break;
  }
  for (const { id } of fresh) seen.add(id);
  for (const id of seen) {
    if (seen.size <= MEMORY) break;
    seen.delete(id);
  }
  return fresh;
}

function isSettled(item: TimelineItem): boolean {
  return item.kind !== "message" || item.send.kind !== "queued";
}
