import { createInterface } from "node:readline";
import type { Chat, RoomSummary, TimelineItem } from "@parley/client";
import type { CommandOutcome } from "../commands/command.ts";
import { completeInput } from "../commands/completion.ts";
import { parseInputLine, runInputLine } from "../commands/input-line.ts";
import { itemText } from "../item-text.ts";
import { connectionText } from "../screen/bars.ts";
import { createLocalTime } from "../screen/local-time.ts";
import { roomLabel } from "../screen/room-list.ts";
import { followTimeline } from "../timeline-feed.ts";

/** What {@link runPlainChat} needs. */
export interface PlainChatOptions {
  readonly chat: Chat;
  readonly streams: { readonly stdin: NodeJS.ReadableStream; readonly stdout: NodeJS.WritableStream };
  readonly signal: AbortSignal;
  readonly greeting?: { readonly title: string; readonly lines: readonly string[] };
  readonly timeZone?: string;
  readonly nowMs?: () => number;
}

const LINES_OF_THE_PAST = 10;

/**
 * The chat for screen readers and the simplest terminals: one line for each thing that happens, nothing is drawn over,
 * no colours, no frames; input by readline. Resolves when the person leaves or `signal` fires.
 */
export async function runPlainChat(options: PlainChatOptions): Promise<void> {
  const session = new PlainSession(options);
  await session.run();
}

class PlainSession {
  readonly #chat: Chat;
  readonly #options: PlainChatOptions;
  readonly #time;
  readonly #lines;
  readonly #left = Promise.withResolvers<void>();
  #room: string | undefined;
  #leaveRoom = new AbortController();
  #connection = "";
  #words = false;
  readonly #announced = new Set<string>();
  readonly #counts = new Map<string, number>();
  /** Messages typed here, which stand on the screen already. */
  readonly #typed: string[] = [];

  constructor(options: PlainChatOptions) {
    this.#options = options;
    this.#chat = options.chat;
    this.#time = createLocalTime(options.timeZone);
    this.#lines = createInterface({
      input: options.streams.stdin,
      output: options.streams.stdout,
      terminal: Boolean((options.streams.stdin as NodeJS.ReadStream).isTTY),
      prompt: "> ",
      completer: (line: string): [string[], string] => this.#complete(line),
    });
  }

  async run(): Promise<void> {
    const { signal, greeting } = this.#options;
    const leave = (): void => this.#left.resolve();
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    this.#lines.on("line", (line) => this.#enter(line));
    this.#lines.on("close", leave);
    this.#lines.on("SIGINT", leave);
    const stop = this.#chat.subscribe(() => this.#changed());
    try {
      this.#say(
        `Parley, plain. You are ${this.#chat.snapshot().me.name}. /help lists the commands, /quit leaves.`,
      );
      if (greeting) for (const line of [greeting.title, ...greeting.lines]) this.#say(line);
      this.#changed();
      await this.#left.promise;
    } finally {
      stop();
      this.#leaveRoom.abort();
      signal.removeEventListener("abort", leave);
      this.#lines.close();
    }
  }

  /** A line above the prompt; what is being typed stays. */
  #say(line: string): void {
    const { stdout } = this.#options.streams;
    const safe = line.replace("\t", ": ").replace(/[\x00-\x1f\x7f-\x9f]/g, " ");
    if (this.#lines.terminal) {
      stdout.write(`\r\x1b[K${safe}\n`);
      this.#lines.prompt(true);
    } else {
      stdout.write(`${safe}\n`);
    }
  }

  #changed(): void {
    const snapshot = this.#chat.snapshot();
    const { server, connection, invitations, recoveryWordsFile } = snapshot;
    const told =
      connection.kind === "waiting"
        ? `Connection lost: ${connection.reason}`
        : connectionText(connection, this.#nowMs());
    if (told !== this.#connection) {
      this.#connection = told;
      this.#say(connection.kind === "connected" ? `Connected to ${server.host}, ${server.why}.` : told);
    }
    if (recoveryWordsFile !== undefined && !this.#words) {
      this.#words = true;
      this.#say("Write down your recovery words: /words");
    }
    for (const { id, from, direct } of invitations) {
      if (this.#announced.has(id)) continue;
      this.#announced.add(id);
      this.#say(`${from} ${direct ? "wants to write to you" : "asks you into a room"}: /accept or /decline`);
    }
    if (!this.#current()) {
      const [first] = snapshot.rooms;
      if (first) this.#open(first.id);
    }
    for (const room of snapshot.rooms) this.#announceUnread(room);
  }

  #announceUnread(room: RoomSummary): void {
    const before = this.#counts.get(room.id) ?? 0;
    this.#counts.set(room.id, room.unread);
    if (room.id === this.#room) this.#chat.markRead(room.id);
    else if (room.unread > before)
      this.#say(`${roomLabel(room)}: ${room.unread} new${room.mentions > 0 ? ", for you" : ""}`);
  }

  #current(): RoomSummary | undefined {
    return this.#chat.snapshot().rooms.find((room) => room.id === this.#room);
  }

  #open(room: string): void {
    if (room === this.#room) return;
    this.#leaveRoom.abort();
    this.#leaveRoom = new AbortController();
    this.#room = room;
    const current = this.#current();
    if (current) this.#say(`Room ${roomLabel(current)}${current.topic === "" ? "" : `: ${current.topic}`}`);
    this.#chat.markRead(room);
    this.#read(room, this.#leaveRoom.signal).catch(() => this.#say("This room can no longer be shown."));
  }

  async #read(room: string, signal: AbortSignal): Promise<void> {
    let day = "";
    const feed = followTimeline(this.#chat, room, { limit: LINES_OF_THE_PAST, follow: true, signal });
    for await (const item of feed) {
      if (signal.aborted) return;
      const date = this.#time.date(item.atMs);
      if (date !== day) this.#say(date);
      day = date;
      if (!this.#isEcho(item)) this.#say(itemText(item, this.#time));
    }
  }

  #enter(input: string): void {
    const line = parseInputLine(input);
    if (line.kind === "message") this.#typed.push(line.text);
    runInputLine(line, { chat: this.#chat, room: this.#current() })
      .then((outcome) => this.#outcome(outcome))
      .catch(() => this.#say("That did not work: a fault inside Parley"));
  }

  #outcome(outcome: CommandOutcome | { kind: "failed"; text: string }): void {
    if (outcome.kind === "said" || outcome.kind === "failed") this.#say(outcome.text);
    else if (outcome.kind === "shown") for (const text of [outcome.title, ...outcome.lines]) this.#say(text);
    else if (outcome.kind === "opened") this.#open(outcome.room);
    else if (outcome.kind === "quit") this.#left.resolve();
  }

  #complete(line: string): [string[], string] {
    const found = completeInput(line, line.length, { chat: this.#chat, room: this.#current() });
    return found ? [[...found.candidates], line.slice(found.start)] : [[], line];
  }

  #isEcho(item: TimelineItem): boolean {
    if (item.kind !== "message" || !item.sender.me) return false;
    const index = this.#typed.indexOf(item.text);
    if (index >= 0) this.#typed.splice(index, 1);
    return index >= 0 && item.send.kind !== "failed";
  }

  #nowMs(): number {
    return (this.#options.nowMs ?? Date.now)();
  }
}
