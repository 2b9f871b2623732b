import { idText, ProtocolError } from "@parley/protocol";
import type { Clock } from "../clock.ts";
import type { RoomStore } from "../store/contract.ts";
import type { FanOut } from "./fan-out.ts";
import { inboxLogItem, inboxTopic } from "./inbox-source.ts";

const RETRY_MS = 5000;

/**
 * Moves Welcomes from the rooms, where a commit left them, into inboxes. A move that fails is tried again, and one that
 * a crash cut short is found by {@link resume}.
 */
export class WelcomeDelivery {
  readonly #store: RoomStore;
  readonly #fanOut: FanOut;
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(options: {
    store: RoomStore;
    fanOut: FanOut;
    clock: Clock;
    onFault: (error: unknown) => void;
  }) {
    this.#store = options.store;
    this.#fanOut = options.fanOut;
    this.#clock = options.clock;
    this.#onFault = options.onFault;
  }

  /** Takes up what was left by an earlier run. */
  async resume(): Promise<void> {
    for (const room of await this.#store.pendingDeliveries()) this.deliver(room);
  }

  /** Delivers what waits in `room`, in the background. */
  deliver(room: Uint8Array): void {
    const key = idText(room);
    const before = this.#underWay.get(key) ?? Promise.resolve();
    const move = before.then(() => this.#move(room.slice()));
    this.#underWay.set(key, move);
    void move.then(() => {
      if (this.#underWay.get(key) === move) this.#underWay.delete(key);
    });
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
  }

  async #move(room: Uint8Array): Promise<void> {
    try {
      for (const { device, item } of await this.#store.deliverPending(room)) {
        this.#fanOut.announce(inboxTopic(device), item.seq, () => inboxLogItem(item));
      }
    } catch (error) {
      if (error instanceof ProtocolError && error.code === "shutting-down") return;
      this.#onFault(error);
      this.#clock.after(RETRY_MS, () => this.deliver(room));
    }
  }
}
