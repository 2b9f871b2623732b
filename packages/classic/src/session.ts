import type { Clock } from "./clock.ts";
import { ClassicConnection } from "./connection.ts";
import { asClassicError } from "./errors.ts";
import { HONESTY } from "./honesty.ts";
import { Transcript } from "./transcript.ts";

export interface SessionOptions {
  readonly host: string;
  readonly port: number;
  /** Shows the session key as the original does. Default false: its fingerprint. */
  readonly showSecrets?: boolean;
  readonly now?: () => Date;
  readonly clock?: Clock;
  readonly handshakeTimeoutMs?: number;
}

/** How starting went. `refused` and `failed` end the program; after `unable` the window stays, without a key. */
export type StartOutcome = "established" | "failed" | "left" | "refused" | "unable";

/** What the original client does between its screen and its socket: the status lines, and what typing does when. */
export class ClassicSession {
  readonly transcript: Transcript;
  readonly #options: SessionOptions;
  readonly #leaving = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  #connection: ClassicConnection | undefined;
  #lost = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.transcript = new Transcript(options.now ?? (() => new Date()));
    this.transcript.addUntimed("Welcome to SecureChat!");
    this.transcript.addUntimed(HONESTY);
  }

  /** Resolves when an established connection is gone, whoever ended it. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Connects and exchanges keys. Call once; never rejects. */
  async start(): Promise<StartOutcome> {
    const { host, port, clock, handshakeTimeoutMs } = this.#options;
    const { transcript } = this;
    let connected = false;
    transcript.add(`Connecting to ${host}...`);
    try {
      const connection = await ClassicConnection.open({
        host,
        port,
        ...(clock === undefined ? {} : { clock }),
        ...(handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs }),
        signal: this.#leaving.signal,
        progress: {
          connected() {
            connected = true;
            transcript.add("Connected!");
            transcript.add("Establishing Encryption Key...");
          },
        },
        onText: (text) => transcript.add(text),
        onClose: () => this.#lose(),
      });
      this.#establish(connection);
      return "established";
    } catch (error) {
      if (this.#leaving.signal.aborted) return "left";
      const why = asClassicError(error, "connection-failed", "The connection failed.");
      if (!connected) return why.code === "connection-refused" ? "refused" : "failed";
      transcript.add("Unable to Connect");
      transcript.add(why.message);
      return "unable";
    }
  }

  /** What Enter does with a typed line. An empty line does nothing. */
  submit(line: string): void {
    if (line.trim() === "") return;
    if (this.#lost) {
      this.transcript.add("Error: Not Connected to Server");
      return;
    }
    this.transcript.add(`You: ${line}`);
    if (this.#connection === undefined) this.transcript.add("Error: Key Not Established");
    else this.#connection.send(line);
  }

  /** What Ctrl-C does: `!exit` when there is a key, else giving up. Resolves within two seconds of sending. */
  async leave(): Promise<void> {
    this.#leaving.abort();
    if (!this.#lost) await this.#connection?.leave();
  }

  /** Cuts the connection without a word. */
  async close(): Promise<void> {
    this.#leaving.abort();
    await this.#connection?.close();
  }

  #establish(connection: ClassicConnection): void {
    const { key, warnings } = connection;
    this.#connection = connection;
    for (const warning of warnings) this.transcript.add(warning);
    this.transcript.add(
      `Encryption Key: ${this.#options.showSecrets ? key.exposeHex() : `hidden, fingerprint ${key.fingerprint}`}`,
    );
  }

  #lose(): void {
    this.#lost = true;
    this.transcript.add("Connection Lost");
    this.#ended.resolve();
  }
}
