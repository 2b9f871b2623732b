import type { Clock } from "../connection/clock.ts";
import type { ClientStore, StoreChange } from "../store/client-store.ts";
import { StoreError } from "../store/client-store.ts";
import { seqKey } from "../store/record.ts";
import { NamedTimers } from "./named-timers.ts";
import type { ChangeSet } from "./room-record.ts";

/** Deleted in one write. */
const BATCH_MESSAGES = 500;
/** Clocks jump, and a machine's timers stand still while it is asleep: looked at anew at least this often. */
const LONGEST_WAIT_MS = 60_000;
const STORE_RETRY_MS = 2_000;

/** Notes with a message that it goes away at `expiresAtMs`: part of the same write, so that none is forgotten. */
export function putExpiry(changes: ChangeSet, timelineKey: string, expiresAtMs: number): void {
  changes.put("expiry", `${seqKey(expiresAtMs)}/${timelineKey}`, new Uint8Array(0));
}

/** Forgets that, for a message whose key becomes another. */
export function deleteExpiry(changes: ChangeSet, timelineKey: string, expiresAtMs: number): void {
  changes.delete("expiry", `${seqKey(expiresAtMs)}/${timelineKey}`);
}

/**
 * Takes messages off this device when their room's timer says so, also after a restart and in rooms this device has
 * left. Needs nobody's word for it: no connection, no message.
 */
export class DisappearingMessages {
  readonly #store: ClientStore;
  readonly #clock: Clock;
  readonly #gone: (rooms: ReadonlySet<string>) => void;
  readonly #failed: (error: unknown) => void;
  readonly #timers: NamedTimers;
  #dueMs = Number.POSITIVE_INFINITY;

  /** @param options `gone`: messages of these rooms are off the disk. `failed`: they could not be deleted; it is tried again. */
  constructor(options: {
    readonly store: ClientStore;
    readonly clock: Clock;
    readonly gone: (rooms: ReadonlySet<string>) => void;
    readonly failed: (error: unknown) => void;
  }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#gone = options.gone;
    this.#failed = options.failed;
    this.#timers = new NamedTimers(options.clock);
  }

  /** A message that is on disk goes away at `expiresAtMs`. */
  scheduled(expiresAtMs: number): void {
    if (expiresAtMs < this.#dueMs) this.sweep();
  }

  /** Deletes what is due, and waits for what is next. */
  sweep(): void {
    try {
      while (this.#deleteDue());
      this.#waitForNext();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#failed(error);
      this.#wait(STORE_RETRY_MS);
    }
  }

  close(): void {
    this.#timers.cancelAll();
  }

  #deleteDue(): boolean {
    const below = seqKey(this.#clock.nowMs() + 1);
    const due = this.#store.range("expiry", { below, limit: BATCH_MESSAGES });
    if (due.length === 0) return false;
    const changes: StoreChange[] = [];
    const rooms = new Set<string>();
    for (const [key] of due) {
      const [, room = "", item = ""] = key.split("/");
      rooms.add(room);
      changes.push({ kind: "delete", collection: "timeline", key: `${room}/${item}` });
      changes.push({ kind: "delete", collection: "expiry", key });
    }
    this.#store.write(changes);
    this.#gone(rooms);
    return due.length === BATCH_MESSAGES;
  }

  #waitForNext(): void {
    const [next] = this.#store.range("expiry", { limit: 1 });
    this.#dueMs = next ? Number.parseInt(next[0], 16) : Number.POSITIVE_INFINITY;
    if (next) this.#wait(Math.min(Math.max(0, this.#dueMs - this.#clock.nowMs()), LONGEST_WAIT_MS));
    else this.#timers.cancelAll();
  }

  #wait(delayMs: number): void {
    this.#timers.cancelAll();
    this.#timers.set("sweep", delayMs, () => this.sweep());
  }
}
