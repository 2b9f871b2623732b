import type { Chat, RoomSummary } from "@parley/client";
import type { CommandOutcome } from "../commands/command.ts";
import { completeInput } from "../commands/completion.ts";
import { parseInputLine, runInputLine } from "../commands/input-line.ts";
import { ComposerInput } from "./composer-input.ts";
import { composerOf } from "./composer-text.ts";
import { PROMPT_WIDTH } from "./composer-view.ts";
import type { Key, TerminalInput } from "./key-decoder.ts";
import type { LocalTime } from "./local-time.ts";
import type { Panel } from "./panel.ts";
import { RoomSession } from "./room-session.ts";
import type { ScreenFrame, ScreenSize } from "./screen-layout.ts";
import { composeScreen } from "./screen-layout.ts";

const WHEEL_ROWS = 3;
/** Changes of the chat within this time are drawn together. */
const COALESCE_MS = 16;
const QUIT_AGAIN_MS = 3_000;
const COUNTDOWN_MS = 500;

/** What the screen may do to the terminal and the program around it. */
export interface ScreenHost {
  /** The person wants to leave. */
  quit(): void;
  /** Ctrl-Z. */
  suspend(): void;
  /** Ctrl-L: everything is drawn again. */
  redraw(): void;
  copy(text: string): void;
  setMouse(on: boolean): void;
  nowMs(): number;
}

/** One line above the status bar, until the next entry. */
export interface Notice {
  readonly text: string;
  readonly failed: boolean;
}

/** Turns input and the chat's changes into frames. Knows nothing of React, streams or escape sequences. */
export class ScreenController {
  readonly #chat: Chat;
  readonly #host: ScreenHost;
  readonly #time: LocalTime;
  readonly #composer = new ComposerInput();
  readonly #sessions = new Map<string, RoomSession>();
  readonly #listeners = new Set<() => void>();
  readonly #stops: (() => void)[] = [];
  #stopTimeline: () => void = () => {};
  #size: ScreenSize;
  #current: string | undefined;
  #panel: Panel | undefined;
  #notice: Notice | undefined;
  #frame: ScreenFrame | undefined;
  #focused = true;
  #quitAskedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #countdown: NodeJS.Timeout | undefined;

  constructor({
    chat,
    host,
    time,
    size,
  }: { chat: Chat; host: ScreenHost; time: LocalTime; size: ScreenSize }) {
    this.#chat = chat;
    this.#host = host;
    this.#time = time;
    this.#size = size;
    this.#stops.push(chat.subscribe(() => this.#chatChanged()));
    this.#openFirstRoom();
    this.#watchCountdown();
    this.#markRead();
  }

  /** What to draw now; the same object until something changes. */
  readonly frame = (): ScreenFrame => {
    this.#frame ??= composeScreen({
      snapshot: this.#chat.snapshot(),
      room: this.#room(),
      session: this.#session(),
      size: this.#size,
      content: this.#composer.content,
      menu: this.#composer.menu,
      panel: this.#panel,
      notice: this.#notice,
      nowMs: this.#host.nowMs(),
    });
    return this.#frame;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  resize(size: ScreenSize): void {
    this.#size = size;
    this.#changed();
  }

  /** Shows a page, as commands do. */
  show(title: string, lines: readonly string[]): void {
    this.#panel = { title, lines, offset: 0 };
    this.#changed();
  }

  input(events: readonly TerminalInput[]): void {
    for (const event of events) this.#handle(event);
    this.#changed();
  }

  /** Stops listening to the chat. */
  close(): void {
    for (const stop of this.#stops) stop();
    this.#stopTimeline();
    clearTimeout(this.#timer);
    clearInterval(this.#countdown);
  }

  #handle(event: TerminalInput): void {
    if (event.kind === "key") this.#key(event);
    else if (event.kind === "text" || event.kind === "paste") this.#composer.insert(event.text);
    else if (event.kind === "wheel") this.#scroll(event.direction * WHEEL_ROWS);
    else if (event.kind === "click") this.#click(event.column, event.row);
    else if (event.kind === "focus") this.#focused = event.focused;
  }

  #key(key: Key): void {
    const name = `${key.ctrl ? "ctrl-" : ""}${key.alt ? "alt-" : ""}${key.shift ? "shift-" : ""}${key.name}`;
    const empty = this.#composer.content.text === "";
    const action = this.#actions[name];
    if (name !== "ctrl-c" && name !== "ctrl-d") this.#quitAskedMs = Number.NEGATIVE_INFINITY;
    if (action) action();
    else if (/^alt-[1-9]$/.test(name)) this.#openNumber(Number(key.name));
    else if (empty && (name === "home" || name === "end")) this.#toEdge(name);
    else if (empty && name === "ctrl-d") this.#askQuit();
    else if (this.#composer.key(key, this.#size.columns - PROMPT_WIDTH) === "submit") this.#submit();
  }

  readonly #actions: Readonly<Record<string, () => void>> = {
    "ctrl-c": () => this.#interrupt(),
    "ctrl-z": () => this.#host.suspend(),
    "ctrl-l": () => this.#host.redraw(),
    escape: () => this.#escape(),
    f1: () => this.#run("/help"),
    tab: () => this.#complete(1),
    "shift-tab": () => this.#complete(-1),
    pageup: () => this.#scroll(-this.#pageRows()),
    pagedown: () => this.#scroll(this.#pageRows()),
    "ctrl-home": () => this.#toEdge("home"),
    "ctrl-end": () => this.#toEdge("end"),
    "alt-up": () => this.#openNeighbour(-1),
    "alt-down": () => this.#openNeighbour(1),
    "ctrl-p": () => this.#openNeighbour(-1),
    "ctrl-n": () => this.#openNeighbour(1),
    "alt-a": () => this.#openUnread(),
  };

  #interrupt(): void {
    if (this.#composer.content.text === "") this.#askQuit();
    else this.#composer.take();
  }

  #askQuit(): void {
    if (this.#host.nowMs() - this.#quitAskedMs < QUIT_AGAIN_MS) {
      this.#host.quit();
      return;
    }
    this.#quitAskedMs = this.#host.nowMs();
    this.#notice = { text: "Ctrl-C again leaves Parley", failed: false };
  }

  #escape(): void {
    if (this.#panel) this.#panel = undefined;
    else if (this.#notice) this.#notice = undefined;
    else this.#session()?.toEnd();
  }

  #complete(step: 1 | -1): void {
    const source = { chat: this.#chat, room: this.#room() };
    this.#composer.complete(step, ({ text, cursor }) => completeInput(text, cursor, source));
  }

  // Entering.

  #submit(): void {
    const text = this.#composer.take();
    this.#notice = undefined;
    this.#run(text);
  }

  #run(text: string): void {
    const line = parseInputLine(text);
    if (line.kind === "empty") return;
    if (line.kind !== "command" || !line.command.secret) this.#composer.history.add(text);
    if (line.kind === "message") {
      this.#session()?.forgetUnread();
      this.#session()?.toEnd();
    }
    this.#panel = undefined;
    const room = this.#room();
    runInputLine(line, { chat: this.#chat, room })
      .then((outcome) => this.#outcome(outcome, line.kind === "message" ? text : undefined))
      .catch(() => {
        this.#notice = { text: "That did not work: a fault inside Parley", failed: true };
      })
      .finally(() => this.#changed());
  }

  /** @param message what to put back into the composer when it was refused. */
  #outcome(outcome: CommandOutcome | { kind: "failed"; text: string }, message: string | undefined): void {
    switch (outcome.kind) {
      case "done":
        return;
      case "said":
      case "failed":
        this.#notice = { text: outcome.text, failed: outcome.kind === "failed" };
        if (outcome.kind === "failed" && message !== undefined && this.#composer.content.text === "") {
          this.#composer.content = composerOf(message);
        }
        return;
      case "shown":
        this.#panel = { title: outcome.title, lines: outcome.lines, offset: 0 };
        if (outcome.copy !== undefined) this.#host.copy(outcome.copy);
        return;
      case "opened":
        this.#open(outcome.room);
        if (outcome.text !== undefined) this.#notice = { text: outcome.text, failed: false };
        return;
      case "cleared":
        this.#session()?.clear();
        return;
      case "mouse":
        this.#host.setMouse(outcome.on);
        this.#notice = {
          text: outcome.on ? "The wheel scrolls; Shift selects text" : "Mouse off",
          failed: false,
        };
        return;
      case "quit":
        this.#host.quit();
        return;
    }
  }

  // Scrolling.

  #pageRows(): number {
    const { timeline, panel } = this.frame().regions;
    return Math.max(1, (this.#panelScrolls() ? panel.height - 1 : timeline.height) - 2);
  }

  #panelScrolls(): boolean {
    return this.#panel !== undefined && this.frame().regions.panel.last > 0;
  }

  #scroll(rows: number): void {
    const { timeline, panel } = this.frame().regions;
    if (this.#panel && this.#panelScrolls()) {
      const offset = Math.min(this.#panel.offset, panel.last) + rows;
      this.#panel = { ...this.#panel, offset: Math.max(0, Math.min(panel.last, offset)) };
    } else {
      this.#session()?.scroll(rows, timeline.width, timeline.height);
    }
    this.#frame = undefined;
  }

  #toEdge(edge: "home" | "end"): void {
    const { timeline } = this.frame().regions;
    if (edge === "home") this.#session()?.toStart(timeline.width, timeline.height);
    else this.#session()?.toEnd();
  }

  // Rooms.

  #room(): RoomSummary | undefined {
    return this.#chat.snapshot().rooms.find((room) => room.id === this.#current);
  }

  #session(): RoomSession | undefined {
    return this.#current === undefined ? undefined : this.#sessions.get(this.#current);
  }

  #open(room: string): void {
    if (room === this.#current) return;
    const left = this.#session();
    if (left) {
      left.draft = this.#composer.content;
      left.forgetUnread();
    }
    this.#stopTimeline();
    this.#current = room;
    this.#notice = undefined;
    const session = this.#sessions.get(room) ?? new RoomSession(this.#chat, room, this.#time);
    this.#sessions.set(room, session);
    this.#composer.content = session.draft;
    const unread = this.#room()?.unread ?? 0;
    if (unread > 0) session.markUnread(unread);
    this.#stopTimeline = this.#chat.subscribeTimeline(room, () => this.#chatChanged());
  }

  #openNumber(number: number): void {
    const room = this.#chat.snapshot().rooms[number - 1];
    if (room) this.#open(room.id);
  }

  #openNeighbour(step: -1 | 1): void {
    const { rooms } = this.#chat.snapshot();
    const index = rooms.findIndex((room) => room.id === this.#current);
    const next = rooms[(index + step + rooms.length) % rooms.length];
    if (next) this.#open(next.id);
  }

  /** Mentions first. */
  #openUnread(): void {
    const others = this.#chat.snapshot().rooms.filter((room) => room.id !== this.#current && room.unread > 0);
    const next = others.find((room) => room.mentions > 0) ?? others[0];
    if (next) this.#open(next.id);
  }

  #click(column: number, row: number): void {
    const room = this.frame().roomAt(column, row);
    if (room !== undefined) this.#open(room);
  }

  /** The room that was open is gone, or none ever was: the first one there is. */
  #openFirstRoom(): void {
    if (this.#room()) return;
    this.#stopTimeline();
    this.#stopTimeline = () => {};
    this.#current = undefined;
    const [first] = this.#chat.snapshot().rooms;
    if (first) this.#open(first.id);
  }

  // Changes.

  #chatChanged(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#openFirstRoom();
      this.#watchCountdown();
      this.#changed();
    }, COALESCE_MS);
  }

  #changed(): void {
    this.#frame = undefined;
    this.#markRead();
    for (const listener of this.#listeners) listener();
  }

  /** What stands on the screen of a person who looks at it has been read. */
  #markRead(): void {
    const room = this.#room();
    if (room && this.#focused && (room.unread > 0 || room.mentions > 0) && this.#session()?.atEnd) {
      this.#chat.markRead(room.id);
    }
  }

  #watchCountdown(): void {
    const waiting = this.#chat.snapshot().connection.kind === "waiting";
    if (waiting) {
      this.#countdown ??= setInterval(() => this.#changed(), COUNTDOWN_MS);
    } else {
      clearInterval(this.#countdown);
      this.#countdown = undefined;
    }
  }
}
