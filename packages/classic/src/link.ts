import type { Socket } from "node:net";
import type { Clock } from "./clock.ts";
import { asClassicError, ClassicError } from "./errors.ts";
import { BACKLOG_LIMIT_BYTES, PacedWriter } from "./paced-writer.ts";
import type { CutMessage } from "./packet-cutter.ts";
import { PacketCutter } from "./packet-cutter.ts";
import type { PacketEnd, PacketImage } from "./packet-sealer.ts";
import { PacketSealer, packetImage } from "./packet-sealer.ts";
import type { Role, SessionKey } from "./session-key.ts";

/** A text that goes to several peers: each form of it is made once, when first needed. */
export class OutgoingText {
  readonly #text: string;
  #images: Partial<Record<PacketEnd, PacketImage>> = {};

  /** `text` must be clean and at most MAX_TEXT_BYTES long. */
  constructor(text: string) {
    this.#text = text;
  }

  image(end: PacketEnd): PacketImage {
    return (this.#images[end] ??= packetImage(this.#text, end));
  }
}

export interface LinkOptions {
  readonly socket: Socket;
  readonly key: SessionKey;
  /** Which end this is. */
  readonly role: Role;
  readonly clock: Clock;
  /** How long the peer may still be computing its key after the exchange, in ms. */
  readonly settleMs: number;
  readonly keepPackets?: boolean;
  readonly backlogLimitBytes?: number;
  readonly onMessage: (message: CutMessage) => void;
  /** Called once, when the connection is gone; with the cause unless the peer ended it in good order. */
  readonly onClose: (cause: ClassicError | undefined) => void;
}

// A text that ends in several blanks is all but surely whole; one that ends in a single blank may have been torn
// there. The peer's next packet, or anything else that follows, settles it sooner.
const QUIET_MS = 3;
const UNSURE_QUIET_MS = 30;
const STALLED_MS = 2_000;
const LINGER_MS = 2_000;

/**
 * One end of an encrypted connection after the key exchange: texts in, texts out. Two ends of ours recognise each
 * other without a byte that an original would not send. Each end's first IV is the mark `SessionKey.firstIv`, which
 * the other end knows and nobody else can tell from 16 random bytes. An end that has seen the mark stops pacing and
 * ends its packets in a line feed, so that the stream can be cut without waiting. A marked client that has said
 * nothing yet answers a marked relay with one blank text, which that relay swallows.
 */
export class ClassicLink {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #role: Role;
  readonly #cutter: PacketCutter;
  readonly #writer: PacedWriter;
  readonly #onMessage: (message: CutMessage) => void;
  readonly #onClose: (cause: ClassicError | undefined) => void;
  #peerKnown = false;
  #spoken = false;
  #cause: ClassicError | undefined;
  #closed = false;
  #cancelTail: () => void = () => {};
  #cancelLinger: () => void = () => {};

  constructor(options: LinkOptions) {
    const { socket, key, role, clock, settleMs } = options;
    this.#socket = socket;
    this.#clock = clock;
    this.#role = role;
    this.#onMessage = options.onMessage;
    this.#onClose = options.onClose;
    this.#cutter = new PacketCutter({
      key,
      peerMark: key.firstIv(role === "client" ? "relay" : "client"),
      keepPackets: options.keepPackets ?? false,
    });
    this.#writer = new PacedWriter({
      socket,
      sealer: new PacketSealer(key, key.firstIv(role)),
      clock,
      settleMs,
      backlogLimitBytes: options.backlogLimitBytes ?? BACKLOG_LIMIT_BYTES,
      onSlow: () => this.destroy(new ClassicError("slow-reader", "The other end does not read fast enough.")),
    });
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
    socket.on("end", () => this.#deliverTail());
    socket.on("error", (error) => {
      this.#cause ??= asClassicError(error, "connection-lost", "The connection broke.");
    });
    socket.on("close", () => this.#close());
    if (socket.destroyed) setImmediate(() => this.#close());
  }

  /** Whether the other end has shown itself to be one of ours. */
  get peerIsOurs(): boolean {
    return this.#peerKnown;
  }

  /** How long what waits will take to be sent if the peer reads, in ms. */
  get sendingTimeMs(): number {
    return this.#writer.sendingTimeMs;
  }

  /** Takes bytes that were read together with the end of the key exchange. */
  receive(chunk: Uint8Array): void {
    if (this.#closed || chunk.length === 0) return;
    this.#cancelTail();
    try {
      const messages = this.#cutter.push(chunk);
      if (this.#cutter.peerIsMarked && !this.#peerKnown) this.#recognisePeer();
      for (const message of messages) this.#deliver(message);
      this.#awaitTail();
    } catch (error) {
      this.destroy(
        asClassicError(error, "malformed-stream", "What came over the connection cannot be read."),
      );
    }
  }

  /** Queues a text for the peer. */
  send(text: OutgoingText): void {
    this.#spoken = true;
    this.#writer.write(text.image(this.#peerKnown ? "line" : "blanks"));
  }

  /** Drops what waits, sends one last text, ends the connection, and cuts it when the peer does not follow. */
  finish(text: OutgoingText): void {
    this.#writer.end(text.image(this.#peerKnown ? "line" : "blanks"));
    this.#cancelLinger = this.#clock.after(LINGER_MS, () => this.#socket.destroy());
  }

  /** Cuts the connection. */
  destroy(cause?: ClassicError): void {
    this.#cause ??= cause;
    this.#writer.close();
    this.#socket.destroy();
    this.#close();
  }

  #recognisePeer(): void {
    this.#peerKnown = true;
    if (this.#role === "client" && !this.#spoken) this.send(new OutgoingText(""));
    this.#writer.unpace();
  }

  #deliver(message: CutMessage): void {
    // A blank text from an end of ours is its mark and nothing else.
    if (this.#closed || (message.text === "" && this.#peerKnown)) return;
    this.#onMessage(message);
  }

  #awaitTail(): void {
    const { tail } = this.#cutter;
    if (tail === "nothing" || this.#closed) return;
    const delayMs = tail === "ended" ? QUIET_MS : tail === "perhaps-ended" ? UNSURE_QUIET_MS : STALLED_MS;
    this.#cancelTail = this.#clock.after(delayMs, () => this.#deliverTail());
  }

  #deliverTail(): void {
    this.#cancelTail();
    try {
      const message = this.#cutter.flush();
      if (message !== undefined) this.#deliver(message);
    } catch (error) {
      this.destroy(
        asClassicError(error, "malformed-stream", "What came over the connection cannot be read."),
      );
    }
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTail();
    this.#cancelLinger();
    this.#writer.close();
    this.#onClose(this.#cause);
  }
}
