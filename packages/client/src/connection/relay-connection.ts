import type { Answer, Hello, Request, ServerFrame } from "@parley/protocol";
import {
  clientFrame,
  decode,
  decodeRoomLogEntry,
  deviceText,
  encode,
  LIMITS,
  ProtocolError,
  serverFrame,
} from "@parley/protocol";
import type { ServerTrust } from "../chat/chat.ts";
import type { Clock } from "./clock.ts";
import type { AnswerTo, Delivery, RelayConnection } from "./connection.ts";
import { ConnectionError } from "./connection.ts";
import { DeliveryQueue } from "./delivery-queue.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { refusal } from "./refusal.ts";
import type { Channel, Transport } from "./transport.ts";

/** How long the relay may take for the channel, for its hello, and for opening the session: each. */
export const STEP_TIMEOUT_MS = 10_000;

/** What is known of a server when it has said hello and nothing was sent to it yet. */
export interface ServerFacts {
  /** What was dialled. */
  readonly url: URL;
  readonly hello: Hello;
  /** As in {@link Channel}: undefined on a plain channel to this machine, and in browsers. */
  readonly tlsSpkiHash: Uint8Array | undefined;
  readonly tlsCertified: boolean | undefined;
}

/**
 * Decides whether this is the server that the person means. Throws ConnectionError `not-proven`, `server-changed` or
 * `server-rolled-back` (or another one, when the check itself fails); then nothing has been sent.
 */
export type ServerTrustCheck = (facts: ServerFacts) => Promise<ServerTrust>;

/** What a login is bound to. */
export interface LoginContext {
  /** The hello frame exactly as it came. */
  readonly helloBytes: Uint8Array;
  readonly tlsExporter: Uint8Array | undefined;
}

/**
 * Makes the first request on a proven channel: `authenticate` or `register`. Asked again, without the exporter, when the
 * relay answers `unauthenticated`.
 */
export type LoginRequest = (context: LoginContext) => Promise<Request>;

/** What {@link connectRelay} needs. */
export interface ConnectOptions {
  readonly transport: Transport;
  readonly url: URL;
  readonly trust: ServerTrustCheck;
  readonly login: LoginRequest;
  readonly clock: Clock;
  /**
   * Takes what comes unasked, one at a time and in order; the next is given when the promise has settled. When it
   * throws, the connection ends as `lost` with that cause. It may make requests on the connection and wait for them.
   */
  readonly onDelivery: (delivery: Delivery) => Promise<void> | void;
  /** Gives up a connection that is being made, and ends one that is open. */
  readonly signal?: AbortSignal;
}

/** A {@link RelayConnection} and why its server is believed. */
export interface ProvenConnection extends RelayConnection {
  readonly server: ServerTrust;
}

/**
 * Dials a relay, lets `trust` judge its hello, and only then logs in. Throws ConnectionError; a refused login is
 * `refused` with the relay's ProtocolError as `cause`, a relay that is busy or stopping is `lost` with the same.
 */
export async function connectRelay(options: ConnectOptions): Promise<ProvenConnection> {
  const conversation = new Conversation(options);
  try {
    return await conversation.begin();
  } catch (error) {
    conversation.end(error instanceof ConnectionError ? error : givenUp(error));
    throw error;
  }
}

interface PendingRequest {
  readonly expected: Answer["kind"];
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: ProtocolError | ConnectionError) => void;
}

type Phase = "hello" | "trust" | "login" | "open";

class Conversation {
  readonly #options: ConnectOptions;
  readonly #pending = new Map<number, PendingRequest>();
  readonly #hello = Promise.withResolvers<{ readonly hello: Hello; readonly bytes: Uint8Array }>();
  readonly #ended = Promise.withResolvers<ConnectionError>();
  readonly #abort = new AbortController();
  readonly #deliveries: DeliveryQueue;
  #phase: Phase = "hello";
  #channel: Channel | undefined;
  #heartbeat: Heartbeat | undefined;
  #paused = false;
  #nextId = 1;
  endReason: ConnectionError | undefined;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#deliveries = new DeliveryQueue(options.onDelivery, {
      onChange: () => this.#steerReading(),
      onFailure: (cause) =>
        this.end(new ConnectionError("lost", "What arrived could not be processed", { cause })),
    });
    this.#hello.promise.catch(() => {});
  }

  async begin(): Promise<ProvenConnection> {
    const { transport, url, trust, clock, signal } = this.#options;
    if (signal?.aborted) throw closedHere();
    signal?.addEventListener("abort", () => this.end(closedHere()), { signal: this.#abort.signal });

    const late = new ConnectionError("unreachable", `${url.host} does not answer`);
    const channel = await this.#inTime(this.#open(transport, url), late);
    const noHello = new ConnectionError(
      "not-a-relay",
      `${url.host} answers, but does not say hello as a relay`,
    );
    const { hello, bytes: helloBytes } = await this.#inTime(this.#hello.promise, noHello);
    const { tlsSpkiHash, tlsExporter, tlsCertified } = channel;
    const server = await trust({ url, hello, tlsSpkiHash, tlsCertified });
    if (this.endReason) throw this.endReason;

    this.#phase = "login";
    const session = await this.#logIn({ helloBytes, tlsExporter });
    this.#phase = "open";
    this.#heartbeat = startHeartbeat(clock, {
      ping: () => this.#request({ kind: "ping" }, "done").then(undefined, () => {}),
      onSilence: () => this.end(new ConnectionError("lost", `${url.host} has gone silent`)),
    });
    return {
      hello,
      session,
      server,
      request: (request, expected) => this.#request(request, expected),
      ended: this.#ended.promise,
      close: () => this.end(closedHere()),
    };
  }

  async #open(transport: Transport, url: URL): Promise<Channel> {
    const events = {
      onMessage: (bytes: Uint8Array) => this.#receive(bytes),
      onEnd: (e: ConnectionError) => this.end(e),
    };
    const channel = await transport.open(url, events, this.#abort.signal);
    if (this.endReason) {
      channel.close(true);
      throw this.endReason;
    }
    this.#channel = channel;
    return channel;
  }

  /**
   * A relay behind a proxy sees no exporter and takes only a proof without one; it tells nobody that it is such a relay.
   * To offer that proof when the first is not taken gives nothing away: a relay that ends TLS itself never takes it.
   */
  async #logIn(context: LoginContext): Promise<AnswerTo<"session">> {
    try {
      return await this.#logInWith(context).catch((error: unknown) => {
        const another =
          context.tlsExporter && error instanceof ProtocolError && error.code === "unauthenticated";
        if (!another) throw error;
        return this.#logInWith({ helloBytes: context.helloBytes, tlsExporter: undefined });
      });
    } catch (error) {
      throw error instanceof ProtocolError ? refusal(error) : error;
    }
  }

  async #logInWith(context: LoginContext): Promise<AnswerTo<"session">> {
    const request = await this.#options.login(context);
    const late = new ConnectionError("lost", `${this.#options.url.host} does not answer the login`);
    const session = await this.#inTime(this.#request(request, "session"), late);
    if (request.kind === "authenticate" && deviceText(session.device) !== deviceText(request.device)) {
      throw new ConnectionError("not-a-relay", "The server opened a session for another device");
    }
    return session;
  }

  /** Ends everything once. Requests in flight fail at once; `ended` waits for the delivery that is being processed. */
  end(reason: ConnectionError): void {
    if (this.endReason) return;
    this.endReason = reason;
    this.#heartbeat?.stop();
    this.#channel?.close(reason.code !== "closed");
    this.#abort.abort();
    this.#hello.reject(reason);
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    void this.#deliveries.stop().then(() => this.#ended.resolve(reason));
  }

  async #request<K extends Answer["kind"]>(request: Request, expected: K): Promise<AnswerTo<K>> {
    if (this.endReason) throw this.endReason;
    const id = this.#nextId++;
    const frame = encode(clientFrame, { id, request });
    if (frame.length > LIMITS.frameBytes) throw new ProtocolError("too-large", "frame");
    const answered = new Promise<Answer>((resolve, reject) =>
      this.#pending.set(id, { expected, resolve, reject }),
    );
    this.#steerReading();
    this.#channel?.send(frame);
    return (await answered) as AnswerTo<K>;
  }

  #receive(bytes: Uint8Array): void {
    if (this.endReason) return;
    if (!this.#paused) this.#heartbeat?.heard();
    try {
      this.#accept(decode(serverFrame, bytes), bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#protest(error);
    }
  }

  #accept(frame: ServerFrame, bytes: Uint8Array): void {
    switch (frame.kind) {
      case "hello":
        if (this.#phase !== "hello") throw new ProtocolError("malformed", "second hello");
        this.#phase = "trust";
        this.#hello.resolve({ hello: frame, bytes });
        return;
      case "answer": {
        const pending = this.#take(frame.id);
        if (pending.expected === frame.answer.kind) {
          pending.resolve(frame.answer);
          return;
        }
        this.#protest(new ProtocolError("malformed", "another request's answer"));
        if (this.endReason) pending.reject(this.endReason);
        return;
      }
      case "error": {
        const { code, winnerSeq, epoch, retryAfterMs } = frame;
        const error = new ProtocolError(code, "", { winnerSeq, epoch, retryAfterMs });
        if (frame.id === 0) this.end(refusal(error));
        else this.#take(frame.id).reject(error);
        return;
      }
      default:
        if (this.#phase !== "open") throw new ProtocolError("malformed", "delivery before the session");
        this.#deliver(asDelivery(frame), bytes.length);
    }
  }

  #take(id: number): PendingRequest {
    const pending = this.#pending.get(id);
    if (!pending) throw new ProtocolError("malformed", "answer to nothing");
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#steerReading();
    return pending;
  }

  #deliver(delivery: Delivery, sizeBytes: number): void {
    this.#deliveries.add(delivery, sizeBytes);
    if (this.#deliveries.overflowing) {
      this.end(new ConnectionError("lost", "The relay sent more than could be processed in time"));
    }
  }

  /** Answers come in the same stream as deliveries: while a request waits for its answer, reading goes on. */
  #steerReading(): void {
    const pause =
      this.#pending.size === 0 && (this.#paused ? !this.#deliveries.drained : this.#deliveries.full);
    if (pause === this.#paused || !this.#channel || this.endReason) return;
    this.#paused = pause;
    if (pause) {
      this.#heartbeat?.suspend();
      this.#channel.pause();
    } else {
      this.#heartbeat?.heard();
      this.#channel.resume();
    }
  }

  #protest(cause: ProtocolError): void {
    const message = `${this.#options.url.host} sent something that is not Parley's protocol`;
    this.end(new ConnectionError("not-a-relay", message, { cause }));
  }

  async #inTime<T>(step: Promise<T>, late: ConnectionError): Promise<T> {
    const deadline = Promise.withResolvers<never>();
    const cancel = this.#options.clock.setTimer(STEP_TIMEOUT_MS, () => {
      this.end(late);
      deadline.reject(late);
    });
    try {
      return await Promise.race([step, deadline.promise]);
    } finally {
      cancel();
    }
  }
}

type Unasked = Exclude<ServerFrame, { kind: "hello" | "answer" | "error" }>;

function asDelivery(frame: Unasked): Delivery {
  if (frame.kind !== "entry") return frame;
  return { kind: "entry", bytes: frame.entry, entry: decodeRoomLogEntry(frame.entry) };
}

function givenUp(cause: unknown): ConnectionError {
  return new ConnectionError("lost", "The connection was given up", { cause });
}

function closedHere(): ConnectionError {
  return new ConnectionError("closed", "The connection was closed");
}
