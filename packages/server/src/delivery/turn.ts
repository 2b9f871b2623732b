/** Something that saves its work for the end of the turn. */
export interface TurnWork {
  flush(): void;
}

/**
 * Gathers what comes up in one turn of the event loop and does it at its end: first the feeds, which fill outboxes, then
 * the outboxes, each with one write. A thing asked for twice is done once.
 */
export class Turn {
  #feeds = new Set<TurnWork>();
  #outboxes = new Set<TurnWork>();
  #scheduled = false;

  flushFeed(feed: TurnWork): void {
    this.#feeds.add(feed);
    this.#schedule();
  }

  flushOutbox(outbox: TurnWork): void {
    this.#outboxes.add(outbox);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  #run(): void {
    const feeds = this.#feeds;
    this.#feeds = new Set();
    for (const feed of feeds) feed.flush();
    const outboxes = this.#outboxes;
    this.#outboxes = new Set();
    for (const outbox of outboxes) outbox.flush();
  }
}
