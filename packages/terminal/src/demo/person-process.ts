import { setTimeout as after } from "node:timers/promises";
import type { Chat, TimelineItem } from "@parley/client";
import { ConnectionError } from "@parley/client";
import { hasAccount, openChat, openStore, signUp } from "@parley/client/node";

/** What the demo asks of a person's process, by name; parameters and results are plain JSON. */
export interface PersonMethods {
  /** Makes an account by a link. */
  arrive(link: string, name: string): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
  createRoom(name: string, topic: string): Promise<string>;
  inviteLink(room: string): Promise<string>;
  accept(): Promise<string>;
  invite(room: string, name: string): Promise<void>;
  remove(room: string, name: string): Promise<void>;
  send(room: string, text: string): Promise<void>;
  /** Resolves when the room's timeline has this line. */
  see(room: string, line: string): Promise<void>;
  lines(room: string): Promise<string[]>;
  roomState(room: string): Promise<string>;
  reconnect(): Promise<void>;
  /** Resolves when the connection is in this state, with the reason it gives. */
  connection(kind: "connected" | "waiting" | "stopped"): Promise<string>;
  queued(): Promise<number>;
}

/** One call over the process's channel. */
export interface PersonCall {
  readonly id: number;
  readonly method: keyof PersonMethods;
  readonly parameters: readonly never[];
}

/** Its answer. */
export type PersonReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string; readonly code: string };

const PATIENCE_MS = 15_000;

/** The child's side: one account, driven by its parent over the process channel until that closes. */
export async function runPerson(folder: string): Promise<void> {
  const person = new PersonProcess(folder);
  const ended = new Promise<void>((resolve) => process.once("disconnect", resolve));
  process.on("message", (call: PersonCall) => {
    void answer(person, call);
  });
  process.send?.({ id: 0, result: "ready" } satisfies PersonReply);
  await ended;
  await person.close();
}

async function answer(person: PersonProcess, { id, method, parameters }: PersonCall): Promise<void> {
  try {
    const result = await person[method](...(parameters as unknown as [never, never]));
    process.send?.({ id, result: result ?? null } satisfies PersonReply);
  } catch (error) {
    const code = error instanceof ConnectionError ? error.code : "failed";
    process.send?.({
      id,
      error: error instanceof Error ? error.message : String(error),
      code,
    } satisfies PersonReply);
  }
}

class PersonProcess implements PersonMethods {
  readonly #folder: string;
  #chat: Chat | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async arrive(link: string, name: string): Promise<void> {
    const store = openStore(this.#folder);
    try {
      if (!hasAccount(store)) await signUp({ folder: this.#folder, store, name, road: { link } });
    } finally {
      store.close();
    }
  }

  async open(): Promise<void> {
    const store = openStore(this.#folder);
    this.#chat = await openChat({
      folder: this.#folder,
      store,
      onFault: (error) => process.emit("uncaughtException", error as Error),
    });
  }

  async close(): Promise<void> {
    await this.#chat?.close();
    this.#chat = undefined;
  }

  async createRoom(name: string, topic: string): Promise<string> {
    const room = await this.#running.createRoom(name);
    await this.#running.setTopic(room, topic);
    return room;
  }

  inviteLink(room: string): Promise<string> {
    return this.#running.createInviteLink({ room });
  }

  async accept(): Promise<string> {
    const { invitations } = await this.#until(
      ({ invitations: waiting }) => waiting.length > 0,
      "an invitation",
    );
    return this.#running.acceptInvitation(invitations[0]?.id ?? "");
  }

  invite(room: string, name: string): Promise<void> {
    return this.#running.invite(room, [name]);
  }

  remove(room: string, name: string): Promise<void> {
    return this.#running.removeMember(room, name);
  }

  async send(room: string, text: string): Promise<void> {
    await this.#running.send(room, text);
  }

  async see(room: string, line: string): Promise<void> {
    const chat = this.#running;
    await this.#until(({ rooms }) => rooms.some(({ id }) => id === room), "the room");
    const found = Promise.withResolvers<void>();
    const look = () => {
      if (this.#linesOf(room).includes(line)) found.resolve();
    };
    const stop = chat.subscribeTimeline(room, look);
    look();
    try {
      await within(found.promise, `"${line}" was not seen`);
    } finally {
      stop();
    }
  }

  async lines(room: string): Promise<string[]> {
    return this.#linesOf(room);
  }

  async roomState(room: string): Promise<string> {
    return this.#running.snapshot().rooms.find(({ id }) => id === room)?.state ?? "unknown";
  }

  async reconnect(): Promise<void> {
    this.#running.reconnect();
  }

  async connection(kind: "connected" | "waiting" | "stopped"): Promise<string> {
    const { connection } = await this.#until(
      ({ connection: now }) => now.kind === kind,
      `connection ${kind}`,
    );
    return "reason" in connection ? connection.reason : "";
  }

  async queued(): Promise<number> {
    return this.#running.snapshot().queued;
  }

  get #running(): Chat {
    if (!this.#chat) throw new Error("The chat is not open");
    return this.#chat;
  }

  #linesOf(room: string): string[] {
    return this.#running.timeline(room, { limit: 500 }).items.map(lineOf);
  }

  async #until(holds: (snapshot: ReturnType<Chat["snapshot"]>) => boolean, what: string) {
    const chat = this.#running;
    const reached = Promise.withResolvers<void>();
    const look = () => {
      if (holds(chat.snapshot())) reached.resolve();
    };
    const stop = chat.subscribe(look);
    look();
    try {
      await within(reached.promise, `Waited in vain for ${what}`);
    } finally {
      stop();
    }
    return chat.snapshot();
  }
}

async function within(reached: Promise<void>, failure: string): Promise<void> {
  const giveUp = new AbortController();
  const late = after(PATIENCE_MS, undefined, { signal: giveUp.signal }).then(
    () => Promise.reject(new Error(failure)),
    () => undefined,
  );
  await Promise.race([reached, late]);
  giveUp.abort();
}

function lineOf(item: TimelineItem): string {
  if (item.kind === "message") return `${item.sender.name}: ${item.text}`;
  return item.kind === "event" ? `* ${item.text}` : `[${item.cause}]`;
}
