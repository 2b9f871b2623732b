import { seqKey } from "../store/record.ts";
import { ChangeSet, timelineKey } from "./room-record.ts";
import type { RoomContext } from "./room-work.ts";
import type { SerialQueue } from "./serial-queue.ts";
import type { Timeline } from "./timeline.ts";

/** What notices need of their room. */
interface NoticeOptions {
  readonly context: RoomContext;
  readonly queue: SerialQueue;
  readonly timeline: Timeline;
  readonly cursor: () => number;
  /** The timeline changed. */
  readonly onTold: () => void;
}

/** Sentences in a room's timeline that no entry of the room's log says. */
export class RoomNotices {
  readonly #options: NoticeOptions;
  readonly #toldOnce = new Set<string>();
  #told = 0;

  constructor(options: NoticeOptions) {
    this.#options = options;
  }

  async tell(text: string): Promise<void> {
    const { context, queue, timeline, cursor, onTold } = this.#options;
    await queue.run(() => {
      const seq = cursor();
      const atMs = context.clock.nowMs();
      // After whatever came from the entry itself, in the order of being told.
      const key = `${timelineKey(seq)}~${seqKey(atMs)}${seqKey(this.#told++)}`;
      const item = { kind: "event", seq, atMs, text } as const;
      const changes = new ChangeSet();
      timeline.put(changes, key, item);
      context.store.write(changes.list());
      timeline.appended(new Map([[key, item]]));
    });
    onTold();
  }

  /** Once for each run of the program. */
  async tellOnce(text: string): Promise<void> {
    if (this.#toldOnce.has(text)) return;
    this.#toldOnce.add(text);
    await this.tell(text);
  }
}
