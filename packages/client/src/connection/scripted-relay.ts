import type { Answer, ClientFrame, Hello, RoomLogEntry, ServerFrame } from "@parley/protocol";
import { clientFrame, decode, encode, encodeRoomLogEntry, serverFrame } from "@parley/protocol";
import { ConnectionError } from "./connection.ts";
import type { Channel, ChannelEvents, Transport } from "./transport.ts";

export const HELLO: Hello = {
  statement: new Uint8Array([1]),
  serverChain: [new Uint8Array([2])],
  checkpoint: new Uint8Array(0),
  generation: 1,
  nonce: new Uint8Array(32).fill(3),
};
export const DEVICE = { account: new Uint8Array(32).fill(4), device: 1 };
export const SESSION: Answer = { kind: "session", device: DEVICE, name: "ana", stock: 0, serverTimeMs: 0 };
export const ROOM = new Uint8Array(16).fill(5);
export const SPKI_HASH = new Uint8Array(32).fill(6);
export const EXPORTER = new Uint8Array(32).fill(7);

/** One end of a channel in memory, played by a test: it says frames and looks at those it got. */
export class ScriptedRelay {
  readonly events: ChannelEvents;
  /** Every frame the client sent. */
  readonly got: ClientFrame[] = [];
  closedByClient: "politely" | "at once" | undefined;
  paused = false;
  readonly #unread: Uint8Array[] = [];
  #ended = false;

  constructor(events: ChannelEvents) {
    this.events = events;
  }

  say(frame: ServerFrame): void {
    this.sayBytes(encode(serverFrame, frame));
  }

  sayBytes(bytes: Uint8Array): void {
    if (this.#ended) return;
    if (this.paused) this.#unread.push(bytes);
    else this.events.onMessage(bytes);
  }

  answer(id: number, answer: Answer): void {
    this.say({ kind: "answer", id, answer });
  }

  refuse(id: number, code: Extract<ServerFrame, { kind: "error" }>["code"], retryAfterMs = 0): void {
    this.say({ kind: "error", id, code, winnerSeq: 0, epoch: 0, retryAfterMs });
  }

  /** Hello, and a session for whatever the client sends first. */
  async welcome(): Promise<void> {
    this.say({ kind: "hello", ...HELLO });
    const first = await this.request(0);
    this.answer(first.id, SESSION);
  }

  /** The request that the client sent as its `index`-th, from 0. */
  async request(index: number): Promise<ClientFrame> {
    for (;;) {
      const frame = this.got[index];
      if (frame) return frame;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  hangUp(): void {
    this.#end(new ConnectionError("lost", "hung up"));
  }

  #wake: () => void = () => {};

  #end(error: ConnectionError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.events.onEnd(error);
  }

  readonly channel: Channel = {
    tlsSpkiHash: SPKI_HASH,
    tlsExporter: EXPORTER,
    tlsCertified: false,
    send: (bytes) => {
      this.got.push(decode(clientFrame, bytes));
      this.#wake();
    },
    pause: () => {
      this.paused = true;
    },
    resume: () => {
      this.paused = false;
      while (!this.paused && this.#unread.length > 0)
        this.events.onMessage(this.#unread.shift() as Uint8Array);
    },
    close: (now = false) => {
      this.closedByClient = now ? "at once" : "politely";
      this.#end(new ConnectionError("closed", "closed"));
    },
  };
}

/** A transport whose other ends are {@link ScriptedRelay}s, in the order in which they were dialled. */
export class ScriptedTransport implements Transport {
  readonly relays: ScriptedRelay[] = [];
  /** What happens to the next dials, first first: an error, or never an answer. */
  readonly failures: (ConnectionError | "silence")[] = [];
  #wake: () => void = () => {};

  open(_url: URL, events: ChannelEvents, signal: AbortSignal): Promise<Channel> {
    const failure = this.failures.shift();
    if (failure === "silence") {
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new ConnectionError("closed", "aborted")));
      });
    }
    if (failure) return Promise.reject(failure);
    const relay = new ScriptedRelay(events);
    this.relays.push(relay);
    this.#wake();
    return Promise.resolve(relay.channel);
  }

  /** The relay of the `index`-th dial that was answered. */
  async relay(index: number): Promise<ScriptedRelay> {
    for (;;) {
      const relay = this.relays[index];
      if (relay) return relay;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A room-log entry of about `messageBytes`. */
export function entryFrame(seq: number, messageBytes = 10): ServerFrame {
  const entry: RoomLogEntry = {
    room: ROOM,
    seq,
    kind: "application",
    epoch: 0,
    sender: DEVICE,
    clientId: new Uint8Array(16),
    receivedAtMs: 0,
    replaces: 0,
    added: [],
    removed: [],
    message: new Uint8Array(messageBytes),
  };
  return { kind: "entry", entry: encodeRoomLogEntry(entry) };
}
