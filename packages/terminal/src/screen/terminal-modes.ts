import { writeSync } from "node:fs";

const ENTER = "\x1b[?1049h\x1b[2J\x1b[H\x1b[?2004h\x1b[?1004h\x1b[>1u\x1b[22;2t\x1b]2;Parley\x1b\\";
const LEAVE =
  "\x1b[?1006l\x1b[?1000l\x1b[<u\x1b[?1004l\x1b[?2004l\x1b[?2026l\x1b[0m\x1b[?25h\x1b[?1049l\x1b[23;2t";
const MOUSE_ON = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF = "\x1b[?1006l\x1b[?1000l";

/** A stream that is, or stands for, a terminal. */
export interface TerminalOutput {
  write(text: string): boolean;
  readonly fd?: number | undefined;
}

/**
 * The modes of the terminal while the screen is up: alternate buffer, bracketed paste, focus events, mouse wheel,
 * kitty keyboard level 1. `leave` undoes them in any state and at any time, as often as it is called.
 */
export class TerminalModes {
  readonly #output: TerminalOutput;
  #entered = false;
  #mouse: boolean;

  constructor(output: TerminalOutput, mouse: boolean) {
    this.#output = output;
    this.#mouse = mouse;
  }

  enter(): void {
    this.#entered = true;
    this.#output.write(ENTER + (this.#mouse ? MOUSE_ON : ""));
  }

  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    this.#writeNow(LEAVE);
  }

  setMouse(on: boolean): void {
    this.#mouse = on;
    if (this.#entered) this.#output.write(on ? MOUSE_ON : MOUSE_OFF);
  }

  /** OSC 52: puts text on the clipboard of the person's machine, where the terminal allows it. */
  copy(text: string): void {
    if (this.#entered) this.#output.write(`\x1b]52;c;${Buffer.from(text, "utf8").toString("base64")}\x1b\\`);
  }

  clear(): void {
    if (this.#entered) this.#output.write("\x1b[2J\x1b[H");
  }

  /** The process may be ending: what is left in a stream's buffer would be lost. */
  #writeNow(text: string): void {
    const { fd } = this.#output;
    if (fd === undefined) {
      this.#output.write(text);
      return;
    }
    try {
      writeSync(fd, text);
    } catch {
      // A full or closed terminal: the stream's own buffer is the last chance.
      this.#output.write(text);
    }
  }
}
