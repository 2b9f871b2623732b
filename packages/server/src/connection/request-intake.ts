import type { ClientFrame } from "@parley/protocol";
import { clientFrame, decode, ProtocolError } from "@parley/protocol";
import type { Outbox } from "../delivery/outbox.ts";
import type { RelayLimits } from "../limits/relay-limits.ts";
import { ANSWER_BYTES } from "../limits/relay-limits.ts";

/** What an intake needs of a `ws` socket. */
interface PausableSocket {
  readonly isPaused: boolean;
  pause(): void;
  resume(): void;
}

/**
 * Takes the frames of one connection in order and begins the work on them as long as there is room for it and for its
 * answers; the rest is left in the client's hands. So a client that asks without reading costs no memory.
 */
export class RequestIntake {
  readonly #socket: PausableSocket;
  readonly #outbox: Outbox;
  readonly #limits: RelayLimits;
  readonly #answer: (frame: ClientFrame, frameBytes: number) => Promise<void>;
  readonly #onUnreadable: (error: unknown) => void;
  #unread: Buffer[] = [];
  #isWaiting = false;
  #isClosed = false;
  #isHeld = false;
  #lastId = 0;
  #inFlight = 0;
  /** Room in the outbox kept for answers that are being worked on. */
  #reservedBytes = 0;
  #settled: (() => void)[] = [];

  /** @param options `answer` never rejects; `onUnreadable` hears of a frame that is none, and closes the intake. */
  constructor(options: {
    readonly socket: PausableSocket;
    readonly outbox: Outbox;
    readonly limits: RelayLimits;
    readonly answer: (frame: ClientFrame, frameBytes: number) => Promise<void>;
    readonly onUnreadable: (error: unknown) => void;
  }) {
    this.#socket = options.socket;
    this.#outbox = options.outbox;
    this.#limits = options.limits;
    this.#answer = options.answer;
    this.#onUnreadable = options.onUnreadable;
  }

  /** The bytes are the intake's from now on. */
  take(frame: Buffer): void {
    this.#unread.push(frame);
    this.#work();
  }

  /** Begins nothing until `work` has settled: what follows a login is asked by whoever logged in. */
  async hold<T>(work: Promise<T>): Promise<T> {
    this.#isHeld = true;
    try {
      return await work;
    } finally {
      this.#isHeld = false;
    }
  }

  /** Begins nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#unread = [];
  }

  /** Resolves when nothing is being worked on. */
  async settled(): Promise<void> {
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#settled.push(resolve));
  }

  #work(): void {
    while (this.#unread.length > 0 && !this.#isFull) this.#begin(this.#unread.shift() as Buffer);
    if (this.#isClosed) return;
    if (this.#unread.length === 0) {
      if (this.#socket.isPaused) this.#socket.resume();
      return;
    }
    if (!this.#socket.isPaused) this.#socket.pause();
    const { outboxBytes } = this.#limits;
    if (this.#isWaiting || this.#outbox.backlogBytes < outboxBytes) return;
    this.#isWaiting = true;
    void this.#outbox.whenBelow(outboxBytes).then(() => {
      this.#isWaiting = false;
      this.#work();
    });
  }

  get #isFull(): boolean {
    if (this.#isHeld || this.#inFlight >= this.#limits.requestsInFlight) return true;
    return this.#reservedBytes + this.#outbox.backlogBytes >= this.#limits.outboxBytes;
  }

  #begin(bytes: Buffer): void {
    let frame: ClientFrame;
    try {
      frame = this.#read(bytes);
    } catch (error) {
      this.close();
      this.#onUnreadable(error);
      return;
    }
    const reservedBytes = ANSWER_BYTES[frame.request.kind];
    this.#inFlight++;
    this.#reservedBytes += reservedBytes;
    void this.#answer(frame, bytes.length).then(() => this.#end(reservedBytes));
  }

  #end(reservedBytes: number): void {
    this.#inFlight--;
    this.#reservedBytes -= reservedBytes;
    if (this.#unread.length > 0 || this.#socket.isPaused) this.#work();
    if (this.#inFlight === 0) for (const resolve of this.#settled.splice(0)) resolve();
  }

  #read(bytes: Buffer): ClientFrame {
    // Not as a Buffer: its `slice` makes a view where those who keep bytes expect a copy.
    const frame = decode(clientFrame, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
    if (frame.id <= this.#lastId) throw new ProtocolError("malformed", "request number");
    this.#lastId = frame.id;
    return frame;
  }
}
