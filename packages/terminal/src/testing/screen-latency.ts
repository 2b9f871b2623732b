import { PassThrough, Writable } from "node:stream";
import { runScreen } from "../screen/run-screen.ts";
import { FakeChat } from "./fake-chat.ts";

/** How fast the screen is over a room of many messages. */
export interface ScreenLatency {
  /** From the start to the first frame with messages in it. */
  readonly firstFrameMs: number;
  /** From a key to the frame that shows it, sorted. */
  readonly keysMs: readonly number[];
  /** From PageUp to the frame that shows it, sorted. */
  readonly scrollsMs: readonly number[];
}

/** A display that tells when something was written. */
class TimedDisplay extends Writable {
  readonly isTTY = true;
  readonly columns = 120;
  readonly rows = 40;
  #waiting: { readonly text: string; readonly resolve: () => void } | undefined;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#waiting && chunk.includes(this.#waiting.text)) this.#waiting.resolve();
    done();
  }

  /** Resolves when something containing `text` is written. */
  written(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { text, resolve };
    return promise;
  }
}

/** Types `keys` characters and scrolls `scrolls` pages over a room of `messages` messages, at 120 × 40. */
export async function measureScreen(load: {
  readonly messages: number;
  readonly keys: number;
  readonly scrolls: number;
}): Promise<ScreenLatency> {
  const chat = new FakeChat();
  const room = chat.addRoom("garden");
  for (let index = 0; index < 20; index += 1) chat.addRoom(`room-${index}`, { unread: index });
  chat.fill(room, load.messages, (index) => `message ${index} ${"with some more words ".repeat(index % 9)}`);
  const display = new TimedDisplay();
  const keyboard = new PassThrough();
  const stopping = new AbortController();
  const startMs = performance.now();
  const first = display.written(`message ${load.messages - 1}`);
  const screen = runScreen({
    chat,
    keyboard,
    display,
    background: "dark",
    colour: true,
    mouse: false,
    signal: stopping.signal,
  });
  await first;
  const firstFrameMs = performance.now() - startMs;
  const keysMs = await times(load.keys, async (index) => {
    // The cursor moves one column with each key: its sequence says which key a frame shows.
    const column = 4 + (index % 100);
    if (index > 0 && index % 100 === 0) await press("\x15", `\x1b[4G`);
    await press("x", `\x1b[${column + 1}G`);
  });
  const scrollsMs = await times(load.scrolls, (index) =>
    press("\x1b[5~", index === 0 ? "scrolled back" : "\x1b[?2026l"),
  );
  stopping.abort();
  await screen;
  return { firstFrameMs, keysMs, scrollsMs };

  async function press(key: string, shown: string): Promise<void> {
    const written = display.written(shown);
    keyboard.write(key);
    await written;
  }
}

async function times(count: number, once: (index: number) => Promise<void>): Promise<number[]> {
  const taken: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startMs = performance.now();
    await once(index);
    taken.push(performance.now() - startMs);
    // A person is never as fast as this; the screen gets its pause.
    await new Promise<void>((resolve) => setTimeout(resolve, 12));
  }
  return taken.sort((a, b) => a - b);
}
