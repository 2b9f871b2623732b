import { Writable } from "node:stream";
import type { Chat } from "@parley/client";
import type { Instance } from "ink";
import { render } from "ink";
import { createElement } from "react";
import { BACKGROUND_QUERY, backgroundFromReply } from "./background.ts";
import type { TerminalInput } from "./key-decoder.ts";
import { KeyDecoder } from "./key-decoder.ts";
import { createLocalTime } from "./local-time.ts";
import type { Background } from "./palette.ts";
import { createPalette } from "./palette.ts";
import { Screen } from "./screen.tsx";
import { ScreenController } from "./screen-controller.ts";
import { TerminalModes } from "./terminal-modes.ts";

/** How long a terminal has to tell its background. */
const BACKGROUND_WAIT_MS = 150;
/** A lone Escape is the key when nothing has followed for this long. */
const ESCAPE_WAIT_MS = 40;
const FRAMES_PER_SECOND = 120;

/** The keyboard's end of a terminal. */
export interface ScreenKeyboard extends NodeJS.EventEmitter {
  setRawMode?(raw: boolean): unknown;
  ref?(): unknown;
  unref?(): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** The display's end of a terminal. */
export interface ScreenDisplay extends NodeJS.WritableStream {
  readonly columns?: number;
  readonly rows?: number;
  readonly fd?: number;
}

/** What {@link runScreen} needs. */
export interface ScreenOptions {
  readonly chat: Chat;
  readonly keyboard: ScreenKeyboard;
  readonly display: ScreenDisplay;
  /** Undefined: ask the terminal, dark when it does not say. */
  readonly background: Background | undefined;
  readonly colour: boolean;
  readonly mouse: boolean;
  readonly timeZone?: string;
  readonly nowMs?: () => number;
  /** Shown at once, as a page. */
  readonly greeting?: { readonly title: string; readonly lines: readonly string[] };
  /** Leaves the terminal to the shell (Ctrl-Z) until the process is continued. */
  readonly suspend?: () => Promise<void>;
  /** Fires when the program is to end for another reason than the person's wish. */
  readonly signal?: AbortSignal;
}

/**
 * Shows the chat on the whole terminal until the person leaves or `signal` fires. The terminal is as before when the
 * promise settles, and also when the process ends without that.
 */
export async function runScreen(options: ScreenOptions): Promise<void> {
  const { keyboard, display } = options;
  const modes = new TerminalModes(display, options.mouse);
  const restore = (): void => {
    modes.leave();
    keyboard.setRawMode?.(false);
  };
  const decoder = new KeyDecoder();
  const input = new InputFeed(keyboard, decoder);
  process.once("exit", restore);
  keyboard.setRawMode?.(true);
  modes.enter();
  try {
    const background = options.background ?? (await askBackground(display, input));
    await show(options, { modes, input, background, restore });
  } finally {
    input.stop();
    restore();
    process.off("exit", restore);
    keyboard.pause();
  }
}

interface ShownScreen {
  readonly modes: TerminalModes;
  readonly input: InputFeed;
  readonly background: Background;
  readonly restore: () => void;
}

async function show(
  options: ScreenOptions,
  { modes, input, background, restore }: ShownScreen,
): Promise<void> {
  const { chat, keyboard, display } = options;
  const left = Promise.withResolvers<void>();
  let instance: Instance | undefined;
  const sizeOf = () => ({ columns: display.columns || 80, rows: display.rows || 24 });
  const redraw = (): void => {
    modes.clear();
    instance?.clear();
    controller.resize(sizeOf());
  };
  const suspend = async (): Promise<void> => {
    if (!options.suspend) return;
    restore();
    await options.suspend();
    keyboard.setRawMode?.(true);
    modes.enter();
    redraw();
  };
  const controller: ScreenController = new ScreenController({
    chat,
    time: createLocalTime(options.timeZone),
    size: sizeOf(),
    host: {
      quit: left.resolve,
      suspend: () => void suspend().catch(left.reject),
      redraw,
      copy: (text) => modes.copy(text),
      setMouse: (on) => modes.setMouse(on),
      nowMs: options.nowMs ?? Date.now,
    },
  });
  const resized = (): void => redraw();
  display.on("resize", resized);
  options.signal?.addEventListener("abort", () => left.resolve());
  if (options.signal?.aborted) left.resolve();
  try {
    if (options.greeting) controller.show(options.greeting.title, options.greeting.lines);
    instance = render(
      createElement(Screen, { controller, palette: createPalette(background, options.colour) }),
      {
        stdout: display,
        stdin: nobody(),
        stderr: new Writable({ write: (_chunk, _encoding, done) => done() }),
        interactive: true,
        exitOnCtrlC: false,
        patchConsole: false,
        incrementalRendering: true,
        maxFps: FRAMES_PER_SECOND,
      },
    );
    instance.waitUntilExit().catch(left.reject);
    input.listen((events) => controller.input(events));
    await left.promise;
  } finally {
    display.off("resize", resized);
    controller.close();
    instance?.unmount();
  }
}

/** Keys are decoded here, not by Ink: it keeps mouse and terminal answers to itself. */
function nobody(): NodeJS.ReadStream {
  return Object.assign(Object.create(process.stdin), {
    isTTY: false,
    setRawMode: undefined,
  }) as NodeJS.ReadStream;
}

/** Bytes from the keyboard, as decoded input to whoever listens; what comes before is kept. */
class InputFeed {
  readonly #keyboard: ScreenKeyboard;
  readonly #decoder: KeyDecoder;
  #waiting: TerminalInput[] = [];
  #listener: ((events: TerminalInput[]) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(keyboard: ScreenKeyboard, decoder: KeyDecoder) {
    this.#keyboard = keyboard;
    this.#decoder = decoder;
    keyboard.on("data", this.#data);
    keyboard.resume();
  }

  listen(listener: ((events: TerminalInput[]) => void) | undefined): void {
    this.#listener = listener;
    if (!listener || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    listener(waiting);
  }

  /** Keeps what comes for the next listener. */
  keep(events: TerminalInput[]): void {
    this.#waiting.push(...events);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#keyboard.off("data", this.#data);
  }

  readonly #data = (chunk: Uint8Array | string): void => {
    clearTimeout(this.#timer);
    this.#deliver(this.#decoder.push(chunk));
    if (this.#decoder.waiting)
      this.#timer = setTimeout(() => this.#deliver(this.#decoder.flush()), ESCAPE_WAIT_MS);
  };

  #deliver(events: TerminalInput[]): void {
    if (events.length === 0) return;
    if (this.#listener) this.#listener(events);
    else this.#waiting.push(...events);
  }
}

async function askBackground(display: ScreenDisplay, input: InputFeed): Promise<Background> {
  const answer = Promise.withResolvers<Background>();
  input.listen((events) => {
    for (const event of events) {
      const background = event.kind === "reply" ? backgroundFromReply(event.text) : undefined;
      if (background) answer.resolve(background);
      else input.keep([event]);
    }
  });
  const timer = setTimeout(() => answer.resolve("dark"), BACKGROUND_WAIT_MS);
  display.write(BACKGROUND_QUERY);
  try {
    return await answer.promise;
  } finally {
    clearTimeout(timer);
    input.listen(undefined);
  }
}
