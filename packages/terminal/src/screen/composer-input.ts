import { displayText } from "@parley/client";
import type { Completion } from "../commands/completion.ts";
import type { ComposerText, Kill } from "./composer-text.ts";
import * as edit from "./composer-text.ts";
import { InputHistory } from "./input-history.ts";
import type { Key } from "./key-decoder.ts";

/** What a key did: `submit` is for the caller to carry out, `ignored` is not the composer's key. */
export type KeyEffect = "edited" | "submit" | "ignored";

/** The candidates of a completion in progress, and which stands in the text. */
export interface CompletionMenu {
  readonly candidates: readonly string[];
  readonly chosen: number;
}

interface RunningCompletion extends CompletionMenu {
  readonly start: number;
  readonly original: ComposerText;
}

/** The composer: text, cursor, history, what was cut, completion in progress. Knows keys, not the screen. */
export class ComposerInput {
  readonly history = new InputHistory();
  #content: ComposerText = edit.EMPTY_COMPOSER;
  #cut = "";
  #completion: RunningCompletion | undefined;

  get content(): ComposerText {
    return this.#content;
  }

  set content(content: ComposerText) {
    this.#content = content;
    this.#completion = undefined;
  }

  get menu(): CompletionMenu | undefined {
    return this.#completion;
  }

  /** Typed or pasted text; a paste never sends. */
  insert(text: string): void {
    this.content = edit.insert(this.#content, displayText(text, { multiline: true }));
  }

  /** Empties the composer and returns what was in it. */
  take(): string {
    const { text } = this.#content;
    this.content = edit.EMPTY_COMPOSER;
    return text;
  }

  /** Puts the next (or with -1 the previous) candidate into the text; `find` is asked when none is in progress. */
  complete(step: 1 | -1, find: (content: ComposerText) => Completion | undefined): void {
    const running = this.#completion ?? this.#startCompletion(find(this.#content));
    if (!running) return;
    const count = running.candidates.length;
    const chosen = (running.chosen + step + count) % count;
    const { start, original } = running;
    this.#content = edit.replaceRange(original, start, original.cursor, running.candidates[chosen]!);
    this.#completion = count === 1 ? undefined : { ...running, chosen };
  }

  #startCompletion(found: Completion | undefined): RunningCompletion | undefined {
    if (!found) return undefined;
    return { candidates: found.candidates, chosen: -1, start: found.start, original: this.#content };
  }

  /** Applies a key. @param width columns of the composer's text, for moving between rows. */
  key(pressed: Key, width: number): KeyEffect {
    const { name, ctrl, alt, shift } = pressed;
    if (name === "enter")
      return alt || shift || ctrl ? this.#edited(edit.insert(this.#content, "\n")) : this.#enter();
    if (name === "up" || name === "down")
      return alt || ctrl ? "ignored" : this.#row(name === "up" ? -1 : 1, width);
    const operation = OPERATIONS[`${ctrl ? "ctrl-" : ""}${alt ? "alt-" : ""}${name}`];
    if (operation) return this.#edited(operation(this.#content));
    const killing = KILLS[`${ctrl ? "ctrl-" : ""}${alt ? "alt-" : ""}${name}`];
    if (killing) {
      const { rest, killed } = killing(this.#content);
      if (killed !== "") this.#cut = killed;
      return this.#edited(rest);
    }
    if (ctrl && name === "y") return this.#edited(edit.insert(this.#content, this.#cut));
    return "ignored";
  }

  #edited(content: ComposerText): KeyEffect {
    this.content = content;
    return "edited";
  }

  /** A backslash at the very end asks for a new line, for terminals that know no other way. */
  #enter(): KeyEffect {
    const { text, cursor } = this.#content;
    if (cursor === text.length && text.endsWith("\\")) {
      return this.#edited(edit.replaceRange(this.#content, cursor - 1, cursor, "\n"));
    }
    return "submit";
  }

  #row(step: -1 | 1, width: number): KeyEffect {
    const moved = edit.moveRow(this.#content, width, step);
    if (moved) return this.#edited(moved);
    const recalled = step < 0 ? this.history.older(this.#content.text) : this.history.newer();
    if (recalled !== undefined) this.content = edit.composerOf(recalled);
    return "edited";
  }
}

const OPERATIONS: Readonly<Record<string, (at: ComposerText) => ComposerText>> = {
  left: edit.moveLeft,
  right: edit.moveRight,
  "ctrl-left": edit.moveWordLeft,
  "ctrl-right": edit.moveWordRight,
  "alt-left": edit.moveWordLeft,
  "alt-right": edit.moveWordRight,
  "alt-b": edit.moveWordLeft,
  "alt-f": edit.moveWordRight,
  "ctrl-b": edit.moveLeft,
  "ctrl-f": edit.moveRight,
  home: edit.moveLineStart,
  end: edit.moveLineEnd,
  "ctrl-a": edit.moveLineStart,
  "ctrl-e": edit.moveLineEnd,
  backspace: edit.deleteBackward,
  "ctrl-h": edit.deleteBackward,
  delete: edit.deleteForward,
  "ctrl-d": edit.deleteForward,
  "ctrl-j": (at) => edit.insert(at, "\n"),
};

const KILLS: Readonly<Record<string, (at: ComposerText) => Kill>> = {
  "ctrl-k": edit.killToLineEnd,
  "ctrl-u": edit.killToLineStart,
  "ctrl-w": edit.killWordBackward,
  "alt-backspace": edit.killWordBackward,
  "ctrl-backspace": edit.killWordBackward,
  "alt-d": edit.killWordForward,
  "ctrl-delete": edit.killWordForward,
};
