import { join } from "node:path";
import type { Chat, EnrolmentRoad, ServerTrust } from "@parley/client";
import { profilePolicy, systemClock } from "@parley/client";
import type { ServerReplacement, UnlockedStore } from "@parley/client/node";
import {
  hasAccount,
  isSealed,
  openChat,
  openOrAttach,
  openStore,
  replaceServer,
  signUp,
  unlockStore,
} from "@parley/client/node";
import { CommandFailure } from "./command-failure.ts";
import { FaultLog } from "./fault-log.ts";
import type { LocalApi } from "./local-api.ts";
import { attachedApi, chatApi, localHandler } from "./local-api.ts";
import type { LocalPolicy } from "./local-policy.ts";
import { profilePolicyApi } from "./local-policy.ts";
import type { PasswordSource } from "./password-source.ts";

/** Where the parts of Parley are put together: the client's engine for an account's folder. */

/** What is said where an account is needed and there is none. */
export const NO_ACCOUNT = "There is no account here yet: run `parley start`, or `parley join LINK`";

/** How the person is asked for the password of the account. */
export const ASK_PASSWORD = "Password:";

/** An account, open in this process or in another one. */
export interface OpenAccount extends AsyncDisposable {
  readonly api: LocalApi;
  /** Undefined when another process has it open. */
  readonly chat: Chat | undefined;
}

/** Opens the account of a folder, or attaches to the process that has it open. A CommandFailure when there is none. */
export async function openAccount(folder: string, password: PasswordSource): Promise<OpenAccount> {
  const held = await openOrAttach({ folder });
  if (held.role === "attached") {
    return {
      api: attachedApi(held),
      chat: undefined,
      [Symbol.asyncDispose]: async () => held.close(),
    };
  }
  try {
    const { store } = await unlockStore(folder, () => password(ASK_PASSWORD));
    if (!hasAccount(store)) {
      store.close();
      throw new CommandFailure(NO_ACCOUNT);
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

/** The trust policy of a profile, with or without an account. */
export interface OpenPolicy extends AsyncDisposable {
  readonly policy: LocalPolicy;
}

/** Opens the trust policy of a folder: the account's, or what will hold when one is made there. */
export async function openPolicy(folder: string, password: PasswordSource): Promise<OpenPolicy> {
  if (await accountExists(folder)) {
    const account = await openAccount(folder, password);
    return { policy: account.api.policy, [Symbol.asyncDispose]: () => account[Symbol.asyncDispose]() };
  }
  const own = await openOwn(folder, password);
  return {
    policy: profilePolicyApi(profilePolicy(own.store, systemClock)),
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  };
}

/** Takes another server for the one of a folder's account. Throws what the client's `replaceServer` throws. */
export async function replaceAccountServer(
  { folder, password }: { readonly folder: string; readonly password: PasswordSource },
  request: Pick<ServerReplacement, "host" | "by">,
): Promise<ServerTrust> {
  await using own = await openOwn(folder, password);
  return await replaceServer({ ...request, store: own.store });
}

/** The store of a folder that no other process has open. */
async function openOwn(
  folder: string,
  password: PasswordSource,
): Promise<AsyncDisposable & Pick<UnlockedStore, "store">> {
  const held = await openOrAttach({ folder });
  if (held.role === "attached") {
    await held.close();
    throw new CommandFailure("Another Parley has this profile open: end it, or choose one with --profile");
  }
  try {
    const { store } = await unlockStore(folder, () => password(ASK_PASSWORD));
    return {
      store,
      async [Symbol.asyncDispose]() {
        store.close();
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
  try {
    if (isSealed(folder)) return true;
    const store = openStore(folder);
    try {
      return hasAccount(store);
    } finally {
      store.close();
    }
  } finally {
    await held.close();
  }
}

/** Makes an account in a folder. Throws what the client's `signUp` throws; killed, it can be called again. */
export async function makeAccount(request: {
  readonly folder: string;
  readonly road: EnrolmentRoad;
  readonly name: string;
  readonly onServerMet?: (text: string) => void;
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
