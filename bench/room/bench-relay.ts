import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A relay over TLS in a process of its own, without rate limits. */
export class BenchRelay implements AsyncDisposable {
  /** As `relayUrl` reads it. */
  readonly host: string;
  readonly #child: ReturnType<typeof spawn>;

  private constructor(child: ReturnType<typeof spawn>, url: URL) {
    this.#child = child;
    this.host = url.host;
  }

  static async start(): Promise<BenchRelay> {
    const program = join(import.meta.dirname, "..", "fan-out", "relay-process.ts");
    const child = spawn(process.execPath, [program, "tls"], { stdio: ["pipe", "pipe", "inherit"] });
    const [url] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    return new BenchRelay(child, new URL(url));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end();
    await once(this.#child, "exit");
  }
}
