import type { Clock } from "../clock.ts";
import { ClassicConnection } from "../connection.ts";
import type { ClassicError } from "../errors.ts";
import { patientClock } from "./hand-clock.ts";

/** A client of ours with the face of `OriginalClient`: `lines` holds what it was shown. */
export class ListeningClient {
  readonly lines: string[] = [];
  readonly closed: Promise<ClassicError | undefined>;
  readonly #waiting = new Set<() => void>();
  readonly #close = Promise.withResolvers<ClassicError | undefined>();
  #connection: ClassicConnection | undefined;

  private constructor() {
    this.closed = this.#close.promise;
  }

  static async join(port: number, clock: Clock = patientClock): Promise<ListeningClient> {
    const client = new ListeningClient();
    client.#connection = await ClassicConnection.open({
      host: "127.0.0.1",
      port,
      clock,
      onText: (text) => {
        client.lines.push(text);
        client.#wake();
      },
      onClose: (cause) => client.#close.resolve(cause),
    });
    return client;
  }

  get connection(): ClassicConnection {
    return this.#connection as ClassicConnection;
  }

  send(text: string): void {
    this.connection.send(text);
  }

  /** Resolves once a line passes `test`; the time limit of the test ends the wait. */
  async waitFor(test: (line: string) => boolean): Promise<void> {
    await this.waitForCount(1, test);
  }

  async waitForCount(count: number, test: (line: string) => boolean): Promise<void> {
    while (this.lines.filter(test).length < count) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.connection.close();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
