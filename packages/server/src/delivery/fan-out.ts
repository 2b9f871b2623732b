import type { Bus } from "../bus/bus.ts";
import type { FeedOptions, FeedSource, LogItem } from "./feed.ts";
import { Feed } from "./feed.ts";
import type { Subscription } from "./subscription.ts";

/** The feeds that somebody on this relay listens to, by topic. */
export class FanOut {
  readonly #bus: Bus;
  readonly #options: FeedOptions;
  readonly #feeds = new Map<string, Feed>();

  constructor(bus: Bus, options: FeedOptions) {
    this.#bus = bus;
    this.#options = options;
    bus.subscribe((topic, seq) => this.#feeds.get(topic)?.wake(seq));
  }

  /** Registers interest in a topic: from here on nothing is missed. */
  join(topic: string, source: FeedSource, subscription: Subscription): Feed {
    let feed = this.#feeds.get(topic);
    if (!feed) {
      feed = new Feed(source, this.#options);
      this.#feeds.set(topic, feed);
    }
    feed.join(subscription);
    return feed;
  }

  /** Ends a subscription, and the feed with its last one. */
  leave(topic: string, subscription: Subscription): void {
    const feed = this.#feeds.get(topic);
    if (!feed) return;
    feed.leave(subscription);
    if (feed.isEmpty) this.#feeds.delete(topic);
  }

  /** Tells everybody, here and on other nodes, of an entry that is durable. `item` is called only if it is of use. */
  announce(topic: string, seq: number, item: () => LogItem): void {
    const feed = this.#feeds.get(topic);
    if (feed?.isLive) feed.offer(item());
    this.#bus.publish(topic, seq);
  }

  /** How many logs are listened to. */
  get topicCount(): number {
    return this.#feeds.size;
  }
}
