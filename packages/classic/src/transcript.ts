import { cleanText } from "./wire-text.ts";

/** One line of the chat window. Identity matters: a line is never changed, only dropped when it is too old. */
export interface TranscriptLine {
  readonly text: string;
}

const KEPT_LINES = 10_000;

/** The lines of the chat window, oldest first, and who wants to hear of new ones. */
export class Transcript {
  readonly #now: () => Date;
  readonly #listeners = new Set<() => void>();
  #lines: readonly TranscriptLine[] = [];

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** A fresh array after every change, so that it can be compared by identity. */
  get lines(): readonly TranscriptLine[] {
    return this.#lines;
  }

  /** Adds a line with the local time in front, as the original does. */
  add(text: string): void {
    const now = this.#now();
    const time = [now.getHours(), now.getMinutes()].map((n) => String(n).padStart(2, "0")).join(":");
    this.addUntimed(`[${time}] ${text}`);
  }

  addUntimed(text: string): void {
    this.#lines = [...this.#lines.slice(1 - KEPT_LINES), { text: cleanText(text) }];
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after every change until the returned function is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}
