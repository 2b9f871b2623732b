import { join } from "node:path";
import type { Chat, EnrolmentRoad } from "@parley/client";
import { hasAccount, openChat, openOrAttach, openStore, signUp } from "@parley/client/node";
import { CommandFailure } from "./command-failure.ts";
import { FaultLog } from "./fault-log.ts";
import type { LocalApi } from "./local-api.ts";
import { attachedApi, chatApi, localHandler } from "./local-api.ts";

/** Where the parts of Parley are put together: the client's engine for an account's folder. */

/** An account, open in this process or in another one. */
export interface OpenAccount extends AsyncDisposable {
  readonly api: LocalApi;
  /** Undefined when another process has it open. */
  readonly chat: Chat | undefined;
}

/** Opens the account of a folder, or attaches to the process that has it open. A CommandFailure when there is none. */
export async function openAccount(folder: string): Promise<OpenAccount> {
  const held = await openOrAttach({ folder });
  if (held.role === "attached") {
    return {
      api: attachedApi(held),
      chat: undefined,
      [Symbol.asyncDispose]: async () => held.close(),
    };
  }
  try {
    const store = openStore(folder);
    if (!hasAccount(store)) {
      store.close();
      throw new CommandFailure("There is no account here yet: run `parley start`, or `parley join LINK`");
    }
    const faults = new FaultLog(join(folder, "faults.log"));
    const chat = await openChat({ folder, store, onFault: (error) => faults.write(error) });
    const api = chatApi(chat);
    held.serve(localHandler(api));
    return {
      api,
      chat,
      async [Symbol.asyncDispose]() {
        await chat.close();
        await held.close();
      },
    };
  } catch (error) {
    await held.close();
    throw error;
  }
}

/** Whether a folder holds an account. True also while another process has it open. */
export async function accountExists(folder: string): Promise<boolean> {
  const held = await openOrAttach({ folder });
  if (held.role === "attached") {
    await held.close();
    return true;
  }
  const store = openStore(folder);
  try {
    return hasAccount(store);
  } finally {
    store.close();
    await held.close();
  }
}

/** Makes an account in a folder. Throws what the client's `signUp` throws; killed, it can be called again. */
export async function makeAccount(request: {
  readonly folder: string;
  readonly road: EnrolmentRoad;
  readonly name: string;
}): Promise<void> {
  const held = await openOrAttach({ folder: request.folder });
  if (held.role === "attached") {
    await held.close();
    throw new CommandFailure("Another Parley has this profile open: end it, or choose one with --profile");
  }
  const store = openStore(request.folder);
  try {
    await signUp({ ...request, store });
  } finally {
    store.close();
    await held.close();
  }
}
