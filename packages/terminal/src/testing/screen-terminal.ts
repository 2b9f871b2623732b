import { PassThrough, Writable } from "node:stream";
import type { Chat } from "@parley/client";
import headless from "@xterm/headless";
import type { ScreenOptions } from "../screen/run-screen.ts";
import { runScreen } from "../screen/run-screen.ts";
import { FAKE_NOW_MS } from "./fake-chat.ts";

/** A display that is a terminal in memory. */
class MemoryDisplay extends Writable {
  readonly isTTY = true;
  columns: number;
  rows: number;
  readonly #terminal: headless.Terminal;
  /** Everything written, for tests of what is not on the grid. */
  written = "";

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

class MemoryKeyboard extends PassThrough {
  readonly isTTY = true;
  raw = false;

  setRawMode(raw: boolean): this {
    this.raw = raw;
    return this;
  }
}

/** How a {@link ScreenTerminal} differs from 80 × 24 in colour on a dark background. */
export type ScreenSetting = { readonly columns?: number; readonly rows?: number } & {
  readonly [Name in keyof ScreenOptions]?: ScreenOptions[Name] | undefined;
};

/** Longer than the screen waits to draw changes together, or for what follows an Escape. */
const SETTLE_MS = 80;

/** The screen on a terminal in memory: what a person would see, and a keyboard to type on. */
export class ScreenTerminal {
  readonly display: MemoryDisplay;
  readonly keyboard = new MemoryKeyboard();
  /** Settles when the screen has been left. */
  readonly done: Promise<void>;
  readonly #terminal: headless.Terminal;
  readonly #abort = new AbortController();

  constructor(chat: Chat, { columns = 80, rows = 24, ...setting }: ScreenSetting = {}) {
    this.#terminal = new headless.Terminal({
      cols: columns,
      rows,
      allowProposedApi: true,
      scrollback: 0,
      convertEol: true,
    });
    this.#terminal.write("$ parley\r\n");
    this.display = new MemoryDisplay(this.#terminal);
    const usual: ScreenOptions = {
      chat,
      keyboard: this.keyboard,
      display: this.display,
      background: "dark",
      colour: true,
      mouse: true,
      timeZone: "UTC",
      nowMs: () => FAKE_NOW_MS,
      signal: this.#abort.signal,
    };
    this.done = runScreen({ ...usual, ...(setting as Partial<ScreenOptions>) });
  }

  /** Types, as bytes of a terminal; one call is one chunk. */
  press(...chunks: string[]): void {
    for (const chunk of chunks) this.keyboard.write(chunk);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
    this.display.columns = columns;
    this.display.rows = rows;
    this.display.emit("resize");
  }

  /** The rows of the visible buffer, trailing spaces removed. */
  grid(): string[] {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: this.#terminal.rows }, (_, row) =>
      (active.getLine(active.viewportY + row)?.translateToString(true) ?? "").trimEnd(),
    );
  }

  text(): string {
    return this.grid().join("\n");
  }

  get cursor(): { x: number; y: number } {
    const { active } = this.#terminal.buffer;
    return { x: active.cursorX, y: active.cursorY };
  }

  get alternate(): boolean {
    return this.#terminal.buffer.active.type === "alternate";
  }

  /** Whether any cell has a colour. */
  coloured(): boolean {
    const { active } = this.#terminal.buffer;
    for (let row = 0; row < this.#terminal.rows; row += 1) {
      for (let column = 0; column < this.#terminal.cols; column += 1) {
        const cell = active.getLine(active.viewportY + row)?.getCell(column);
        if (cell && (!cell.isFgDefault() || !cell.isBgDefault())) return true;
      }
    }
    return false;
  }

  /** Resolves once `check` holds of the screen; the test's time limit ends the wait. */
  async until(check: (text: string) => boolean): Promise<string> {
    while (!check(this.text())) {
      await new Promise<void>((resolve) => {
        this.#terminal.onWriteParsed(() => resolve());
      });
    }
    return this.text();
  }

  /** Resolves when nothing has been written for a while: for what must not change. */
  async settled(): Promise<void> {
    for (let length = -1; length !== this.display.written.length; ) {
      length = this.display.written.length;
      await new Promise<void>((resolve) => setTimeout(resolve, SETTLE_MS));
    }
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.done;
    await new Promise<void>((resolve) => this.#terminal.write("", resolve));
  }
}
