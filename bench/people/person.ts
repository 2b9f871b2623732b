import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { basename, join } from "node:path";
import type { Chat } from "@parley/client";
import { openChat, openStore, signUp } from "@parley/client/node";

/** Signs a person up by an invite link, unless the folder has an account, and opens the chat, connected. */
export async function person(folder: string, link: string): Promise<Chat> {
  const store = openStore(folder);
  await signUp({ folder, store, name: basename(folder), road: { link } });
  const chat = await reopen(folder, store);
  await waitUntil(chat, () => chat.snapshot().connection.kind === "connected");
  return chat;
}

/** Opens the chat of a folder; it connects in the background. */
export function reopen(folder: string, store = openStore(folder)): Promise<Chat> {
  return openChat({
    folder,
    store,
    onFault(error) {
      throw error;
    },
  });
}

/** Resolves when `condition` holds, looking again after each change of the chat. */
export function waitUntil(chat: Chat, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    if (condition()) return resolve();
    const stop = chat.subscribe(() => {
      if (!condition()) return;
      stop();
      resolve();
    });
  });
}

/** Starts a file of this folder in a process of its own, which ends when its parent disconnects. */
export function startProcess(file: string, args: readonly string[]): ChildProcess {
  return fork(join(import.meta.dirname, file), args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

/** The next thing a process has to say. */
export async function hear<T>(child: ChildProcess): Promise<T> {
  const gone = once(child, "exit").then(() => {
    throw new Error(`${child.spawnfile} ended`);
  });
  const [message] = (await Promise.race([once(child, "message"), gone])) as [T];
  return message;
}

/** Lets a process end. */
export async function dismiss(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  child.disconnect();
  await ended;
}
