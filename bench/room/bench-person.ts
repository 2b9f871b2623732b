import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Chat, ChatSnapshot } from "@parley/client";
import { openChat, openStore, signUp } from "@parley/client/node";

/** A real client of a bench relay, with its store on disk. */
export class BenchPerson implements AsyncDisposable {
  readonly name: string;
  readonly #folder: string;
  chat: Chat;

  private constructor(name: string, folder: string, chat: Chat) {
    this.name = name;
    this.#folder = folder;
    this.chat = chat;
  }

  static async arrive(host: string, name: string): Promise<BenchPerson> {
    const folder = mkdtempSync(join(tmpdir(), "parley-bench-"));
    const store = openStore(folder);
    const [hostName = ""] = host.split(":");
    await signUp({ folder, store, name, road: { host, introduction: { typed: `${hostName}!` } } });
    const person = new BenchPerson(name, folder, await open(folder, store));
    await person.until(({ connection }) => connection.kind === "connected");
    return person;
  }

  async reopen(): Promise<void> {
    this.chat = await open(this.#folder, openStore(this.#folder));
  }

  /** Accepts the next invitation. */
  async accept(): Promise<string> {
    await this.until(({ invitations }) => invitations.length > 0);
    return this.chat.acceptInvitation(this.chat.snapshot().invitations[0]?.id ?? "");
  }

  until(holds: (snapshot: ChatSnapshot) => boolean): Promise<void> {
    const { chat } = this;
    return new Promise((resolve) => {
      const stop = chat.subscribe(() => look());
      const look = () => {
        if (!holds(chat.snapshot())) return;
        stop();
        resolve();
      };
      look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.chat.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function open(folder: string, store: ReturnType<typeof openStore>): Promise<Chat> {
  return openChat({
    folder,
    store,
    onFault(error) {
      throw error;
    },
  });
}
