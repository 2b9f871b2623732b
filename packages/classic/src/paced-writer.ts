import type { Socket } from "node:net";
import type { Clock } from "./clock.ts";
import type { PacketImage, PacketSealer } from "./packet-sealer.ts";

/** Least time between two packets to a peer that may be an original, in ms (classic-v1 §6 rule 4). */
export const PACE_MS = 20;

/** Most bytes that may wait for one peer, in our queue and its socket together. */
export const BACKLOG_LIMIT_BYTES = 4 * 1024 * 1024;

const STALL_MS = 30_000;

export interface PacedWriterOptions {
  readonly socket: Socket;
  readonly sealer: PacketSealer;
  readonly clock: Clock;
  /** How long from now the first packet has to wait while the peer may still be computing its key, in ms. */
  readonly settleMs: number;
  readonly backlogLimitBytes: number;
  /** Called at most once, when the peer has stopped reading or cannot follow. The queue is gone by then. */
  readonly onSlow: () => void;
}

/**
 * The queue of packets to one peer. An original takes whatever one read of 1024 bytes gives it for one packet, so
 * packets go out one by one with PACE_MS between them. Once the peer is known to be one of ours, `unpace` lets
 * everything queued in one turn of the event loop go out in one write.
 */
export class PacedWriter {
  readonly #socket: Socket;
  readonly #sealer: PacketSealer;
  readonly #clock: Clock;
  readonly #limitBytes: number;
  readonly #onSlow: () => void;
  #queue: PacketImage[] = [];
  #queueBytes = 0;
  #paced = true;
  #dueMs: number;
  #scheduled = false;
  #closed = false;
  #endsWhenEmpty = false;
  #cancelTimer: () => void = () => {};
  #cancelStall: (() => void) | undefined;

  constructor({ socket, sealer, clock, settleMs, backlogLimitBytes, onSlow }: PacedWriterOptions) {
    this.#socket = socket;
    this.#sealer = sealer;
    this.#clock = clock;
    this.#limitBytes = backlogLimitBytes;
    this.#onSlow = onSlow;
    this.#dueMs = clock.nowMs() + settleMs;
    socket.on("drain", () => this.#clearStall());
  }

  /** How long what waits will take to go out, in ms. */
  get sendingTimeMs(): number {
    return this.#paced ? Math.max(0, this.#dueMs - this.#clock.nowMs()) + this.#queue.length * PACE_MS : 0;
  }

  /** Queues one packet. Does nothing after `close` or `end`. */
  write(image: PacketImage): void {
    if (this.#closed || this.#endsWhenEmpty) return;
    this.#queue.push(image);
    this.#queueBytes += image.length;
    if (this.#queueBytes + this.#socket.writableLength > this.#limitBytes) this.#giveUp();
    else this.#schedule();
  }

  /** Lets packets go together from now on. */
  unpace(): void {
    if (!this.#paced) return;
    this.#paced = false;
    this.#cancelTimer();
    this.#scheduled = false;
    this.#schedule();
  }

  /** Drops what waits, sends `last` alone and then ends the connection. */
  end(last: PacketImage): void {
    if (this.#closed) return;
    this.#queue = [last];
    this.#queueBytes = last.length;
    this.#endsWhenEmpty = true;
    this.#schedule();
  }

  /** Drops what waits and cancels every timer. The socket is left to its owner. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#queueBytes = 0;
    this.#cancelTimer();
    this.#clearStall();
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed || this.#queue.length === 0) return;
    this.#scheduled = true;
    if (this.#paced) {
      const delayMs = Math.max(0, this.#dueMs - this.#clock.nowMs());
      this.#cancelTimer = this.#clock.after(delayMs, () => this.#send());
    } else {
      setImmediate(() => this.#send());
    }
  }

  #send(): void {
    this.#scheduled = false;
    if (this.#closed || this.#queue.length === 0) return;
    const images = this.#paced ? this.#queue.splice(0, 1) : this.#queue.splice(0);
    for (const image of images) this.#queueBytes -= image.length;
    this.#dueMs = this.#clock.nowMs() + PACE_MS;
    const flowing = this.#socket.write(this.#sealer.seal(images));
    if (!flowing) this.#cancelStall ??= this.#clock.after(STALL_MS, () => this.#giveUp());
    if (this.#queue.length > 0) this.#schedule();
    else if (this.#endsWhenEmpty) this.#socket.end();
  }

  #giveUp(): void {
    if (this.#closed) return;
    this.close();
    this.#onSlow();
  }

  #clearStall(): void {
    this.#cancelStall?.();
    this.#cancelStall = undefined;
  }
}
