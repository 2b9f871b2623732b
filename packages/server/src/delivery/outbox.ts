import type { Turn } from "./turn.ts";

/** Whole WebSocket frames, ready for the wire. Many outboxes may hold the same chunk. */
export interface Chunk {
  readonly bytes: Buffer;
  /** A delivery, which the client gets again by resuming; answers are not. */
  readonly droppable: boolean;
}

/** What an outbox needs of a `net.Socket` or `tls.TLSSocket`. */
export interface OutboxSocket {
  write(bytes: Uint8Array): boolean;
  readonly writable: boolean;
  readonly writableLength: number;
  readonly writableHighWaterMark: number;
  on(event: "drain", listener: () => void): unknown;
}

/** Chunks smaller than this are copied together rather than written one by one. */
const MERGED_WRITE_BYTES = 64 * 1024;

/**
 * What waits to be written to one socket, in order. One write per turn; nothing is handed to a socket that has not
 * taken the last write, so that what waits can still be dropped.
 */
export class Outbox {
  readonly #socket: OutboxSocket;
  readonly #turn: Turn;
  readonly #limitBytes: number;
  readonly #onOverflow: () => void;
  #chunks: Chunk[] = [];
  #queuedBytes = 0;
  #waiting: { readonly belowBytes: number; readonly resolve: () => void }[] = [];

  /** @param options `onOverflow` is called at a turn's end that left more than `limitBytes` unwritten. */
  constructor(socket: OutboxSocket, turn: Turn, options: { limitBytes: number; onOverflow: () => void }) {
    this.#socket = socket;
    this.#turn = turn;
    this.#limitBytes = options.limitBytes;
    this.#onOverflow = options.onOverflow;
    socket.on("drain", () => this.flush());
  }

  /** Puts a chunk at the end; it is written when the turn ends. */
  push(chunk: Chunk): void {
    if (this.#chunks.length === 0) this.#turn.flushOutbox(this);
    this.#chunks.push(chunk);
    this.#queuedBytes += chunk.bytes.length;
  }

  /** Bytes that the operating system has not taken yet. */
  get backlogBytes(): number {
    return this.#queuedBytes + this.#socket.writableLength;
  }

  /**
   * Resolves when the backlog is below `belowBytes` (more than the socket's high-water mark), or the socket has closed.
   */
  async whenBelow(belowBytes: number): Promise<void> {
    if (!this.#socket.writable || this.backlogBytes < belowBytes) return;
    await new Promise<void>((resolve) => this.#waiting.push({ belowBytes, resolve }));
  }

  /** Forgets the deliveries that are not written; answers stay. @returns the bytes that were dropped. */
  dropDeliveries(): number {
    const before = this.#queuedBytes;
    this.#chunks = this.#chunks.filter(({ droppable }) => !droppable);
    this.#queuedBytes = this.#chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return before - this.#queuedBytes;
  }

  /** Writes as much as the socket takes. */
  flush(): void {
    this.#write(false);
    if (this.backlogBytes > this.#limitBytes) this.#onOverflow();
    this.#wake();
  }

  /** Hands everything to the socket, as the last thing before it is closed. */
  flushAll(): void {
    this.#write(true);
  }

  /** To be called when the socket has closed: frees the queue and those who wait for it. */
  close(): void {
    this.#chunks = [];
    this.#queuedBytes = 0;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #write(evenIfFull: boolean): void {
    const socket = this.#socket;
    let next = 0;
    while (next < this.#chunks.length && socket.writable) {
      if (!evenIfFull && socket.writableLength >= socket.writableHighWaterMark) break;
      const from = next;
      let bytes = 0;
      do {
        bytes += (this.#chunks[next++] as Chunk).bytes.length;
      } while (
        next < this.#chunks.length &&
        bytes + (this.#chunks[next] as Chunk).bytes.length <= MERGED_WRITE_BYTES
      );
      const first = this.#chunks[from] as Chunk;
      const run =
        next - from === 1
          ? first.bytes
          : Buffer.concat(
              this.#chunks.slice(from, next).map((c) => c.bytes),
              bytes,
            );
      this.#queuedBytes -= bytes;
      socket.write(run);
    }
    if (next === this.#chunks.length) this.#chunks = [];
    else if (next > 0) this.#chunks.splice(0, next);
    else if (!socket.writable) this.close();
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter(
      ({ belowBytes }) => !this.#socket.writable || this.backlogBytes < belowBytes,
    );
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }
}
