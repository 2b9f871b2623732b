import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { CommandFailure } from "./command-failure.ts";
import { EXIT_CODES } from "./exit-codes.ts";

/** The three streams of a command. The only way out for text. */
export class Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;

  constructor(given: Pick<NodeJS.Process, "stdin" | "stdout" | "stderr">) {
    this.stdin = given.stdin;
    this.stdout = given.stdout;
    this.stderr = given.stderr;
  }

  /** Whether a person sits at both ends. */
  get interactive(): boolean {
    return Boolean(this.stdin.isTTY && this.stdout.isTTY);
  }

  /** A line to standard output; resolves when it is written, so that a slow reader holds the writer back. */
  async print(line: string): Promise<void> {
    if (this.stdout.write(`${line}\n`)) return;
    await new Promise<void>((resolve) => this.stdout.once("drain", resolve));
  }

  /** A line to standard error. */
  warn(line: string): void {
    this.stderr.write(`${line}\n`);
  }

  /** Asks the person. An end of input (Ctrl-D) or Ctrl-C is a CommandFailure. */
  async ask(question: string, proposal?: string): Promise<string> {
    const lines = createInterface({ input: this.stdin, output: this.stdout });
    const stopped = Promise.withResolvers<never>();
    const stop = (): void => stopped.reject(new CommandFailure("Stopped", EXIT_CODES.failure));
    lines.once("close", stop);
    lines.once("SIGINT", stop);
    try {
      const answer = await Promise.race([
        lines.question(proposal ? `${question} [${proposal}] ` : `${question} `),
        stopped.promise,
      ]);
      return answer.trim() || (proposal ?? "");
    } finally {
      stopped.promise.catch(() => {});
      lines.close();
    }
  }

  /** Asks for something that is not to be seen, on standard error. Ends as {@link ask} does. */
  async askHidden(question: string): Promise<string> {
    this.stderr.write(`${question} `);
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input: this.stdin, output: nowhere, terminal: true, historySize: 0 });
    const answer = Promise.withResolvers<string>();
    const stop = (): void => answer.reject(new CommandFailure("Stopped", EXIT_CODES.failure));
    lines.once("line", answer.resolve);
    lines.once("close", stop);
    lines.once("SIGINT", stop);
    try {
      return await answer.promise;
    } finally {
      lines.close();
      this.stderr.write("\n");
    }
  }

  /** All of standard input, as text. */
  async readAll(): Promise<string> {
    const decoder = new TextDecoder("utf-8");
    let text = "";
    for await (const chunk of this.stdin) text += decoder.decode(chunk as Uint8Array, { stream: true });
    return text + decoder.decode();
  }
}

/** Ends quietly when whoever reads our output has gone (`parley tail … | head`). */
export function endOnBrokenPipe(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || error.code === "EIO") process.exit(EXIT_CODES.ok);
    throw error;
  });
}
