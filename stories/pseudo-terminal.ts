import { createRequire } from "node:module";
import headless from "@xterm/headless";

interface Pty {
  onData(listener: (text: string) => void): void;
  onExit(listener: (event: { exitCode: number }) => void): void;
  write(text: string): void;
  resize(columns: number, rows: number): void;
  kill(signal?: string): void;
}

const PATIENCE_MS = 20_000;

/** A program in a real pseudo-terminal, and what a person would see of it. */
export class PseudoTerminal implements AsyncDisposable {
  readonly exited: Promise<number>;
  readonly #pty: Pty;
  readonly #screen: headless.Terminal;
  readonly #waiting = new Set<() => void>();

  constructor(
    file: string,
    args: readonly string[],
    options: { readonly env: NodeJS.ProcessEnv; readonly columns?: number; readonly rows?: number },
  ) {
    const { columns = 90, rows = 24, env } = options;
    const { spawn } = createRequire(import.meta.url)("node-pty") as {
      spawn(file: string, args: readonly string[], options: object): Pty;
    };
    this.#screen = new headless.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.#pty = spawn(file, args, { cols: columns, rows, name: "xterm-256color", env });
    this.exited = new Promise((resolve) => this.#pty.onExit(({ exitCode }) => resolve(exitCode)));
    this.#pty.onData((text) => {
      this.#screen.write(text, () => {
        for (const look of [...this.#waiting]) look();
      });
    });
    // The program may ask the terminal for its colours or its cursor; a real one answers.
    this.#screen.onData((answer) => this.#pty.write(answer));
  }

  /** The rows as text, without blanks at their ends. */
  rows(): string[] {
    const { active } = this.#screen.buffer;
    return Array.from(
      { length: this.#screen.rows },
      (_, y) => active.getLine(active.viewportY + y)?.translateToString(true) ?? "",
    );
  }

  text(): string {
    return this.rows().join("\n");
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#screen.resize(columns, rows);
    this.#pty.resize(columns, rows);
  }

  /** Waits until the screen shows this. */
  async shows(pattern: RegExp | string): Promise<void> {
    const holds = () =>
      typeof pattern === "string" ? this.text().includes(pattern) : pattern.test(this.text());
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`the terminal does not show ${pattern}:\n${this.text()}`));
      }, PATIENCE_MS);
      const look = () => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pty.kill("SIGTERM");
    await this.exited;
  }
}
