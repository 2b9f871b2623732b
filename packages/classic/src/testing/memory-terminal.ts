import { PassThrough, Writable } from "node:stream";
import headless from "@xterm/headless";

class Keyboard extends PassThrough {
  readonly isTTY = true;

  setRawMode(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

class Display extends Writable {
  readonly isTTY = true;
  columns: number;
  rows: number;
  /** Everything written, for tests of what must not reach a terminal. */
  written = "";
  readonly #terminal: headless.Terminal;

  constructor(terminal: headless.Terminal) {
    super({ decodeStrings: false });
    this.#terminal = terminal;
    this.columns = terminal.cols;
    this.rows = terminal.rows;
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written += chunk.toString();
    this.#terminal.write(chunk.toString(), done);
  }
}

/** A terminal in memory: what a person would see, and a keyboard to type on. */
export class MemoryTerminal {
  readonly stdin = new Keyboard();
  readonly stdout: Display;
  readonly #terminal: headless.Terminal;

  constructor(columns = 80, rows = 24) {
    this.#terminal = new headless.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
    this.stdout = new Display(this.#terminal);
  }

  /** Types; one call is one chunk. */
  press(...chunks: string[]): void {
    for (const chunk of chunks) this.stdin.write(chunk);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
    this.stdout.columns = columns;
    this.stdout.rows = rows;
    this.stdout.emit("resize");
  }

  /** The rows of the screen, blanks at their ends removed. */
  rows(): string[] {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: this.#terminal.rows }, (_, row) =>
      (active.getLine(active.viewportY + row)?.translateToString(true) ?? "").trimEnd(),
    );
  }

  /** The rows inside the frame, without it. */
  window(): string[] {
    return this.rows()
      .filter((row) => row.startsWith("│"))
      .map((row) => row.slice(2, -2).trimEnd());
  }

  get cursor(): { x: number; y: number } {
    const { active } = this.#terminal.buffer;
    return { x: active.cursorX, y: active.cursorY };
  }

  get alternate(): boolean {
    return this.#terminal.buffer.active.type === "alternate";
  }

  /** Resolves once `check` holds of the screen; the time limit of the test ends the wait. */
  async until(check: (rows: readonly string[]) => boolean): Promise<void> {
    while (!check(this.rows())) {
      await new Promise<void>((resolve) => {
        const listening = this.#terminal.onWriteParsed(() => {
          listening.dispose();
          resolve();
        });
      });
    }
  }
}
