import {
  changePassword,
  hasAccount,
  isSealed,
  MIN_PASSWORD_LENGTH,
  openOrAttach,
  openStore,
  readRecoveryWordsFile,
  sealedRecoveryWords,
  unlockStore,
} from "@parley/client/node";
import type { Secret } from "@parley/trust";
import { CommandFailure } from "../command-failure.ts";
import { ASK_PASSWORD, NO_ACCOUNT } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { PasswordSource } from "../password-source.ts";
import { passwordSource } from "../password-source.ts";
import type { VerbContext } from "../program.ts";

/** `parley password set`: seals what this device keeps. Without a terminal the password is that of --password-file. */
export function runPasswordSet(context: VerbContext): Promise<ExitCode> {
  return withFolder(context, async ({ folder, password, streams }) => {
    if (isSealed(folder)) {
      throw new CommandFailure("This account has a password already: parley password change");
    }
    const next = await newPassword(context, password);
    await changePassword({ folder, current: () => password(ASK_PASSWORD), next });
    await streams.print(
      "Sealed. Without the password nobody can read this folder, you neither: keep it well",
    );
  });
}

/** `parley password change`: seals everything anew, with a new key. */
export function runPasswordChange(
  context: VerbContext,
  { newPasswordFile }: { readonly newPasswordFile?: string },
): Promise<ExitCode> {
  return withFolder(context, async ({ folder, password, streams }) => {
    requireSealed(folder);
    const current = await password(ASK_PASSWORD);
    const source = passwordSource(streams, newPasswordFile, "--new-password-file FILE");
    const next = await newPassword(context, source);
    await changePassword({ folder, current: async () => current, next });
    await streams.print("Sealed with the new password. Copies made before open with the old one");
  });
}

/** `parley password remove`: takes the seal away. */
export function runPasswordRemove(context: VerbContext): Promise<ExitCode> {
  return withFolder(context, async ({ folder, password, streams }) => {
    requireSealed(folder);
    await changePassword({ folder, current: () => password(ASK_PASSWORD), next: undefined });
    await streams.print("The seal is gone: whoever can read this folder can read everything in it");
  });
}

/** `parley password words`: prints the recovery words that wait to be written down. */
export function runPasswordWords(context: VerbContext): Promise<ExitCode> {
  return withFolder(context, async ({ folder, password, streams }) => {
    const { store } = await unlockStore(folder, () => password(ASK_PASSWORD));
    const text = sealedRecoveryWords(store) ?? readRecoveryWordsFile(folder);
    store.close();
    if (text === undefined)
      throw new CommandFailure("Your recovery words are confirmed, and kept nowhere here");
    await streams.print(text.trimEnd());
  });
}

async function withFolder(
  context: VerbContext,
  work: (context: VerbContext) => Promise<void>,
): Promise<ExitCode> {
  const held = await openOrAttach({ folder: context.folder });
  try {
    if (held.role === "attached") {
      throw new CommandFailure("Another Parley has this account open: end it first");
    }
    requireAccount(context.folder);
    await work(context);
    return EXIT_CODES.ok;
  } finally {
    await held.close();
  }
}

/** A sealed folder holds one: nothing else is ever sealed. */
function requireAccount(folder: string): void {
  if (isSealed(folder)) return;
  const store = openStore(folder);
  try {
    if (!hasAccount(store)) throw new CommandFailure(NO_ACCOUNT);
  } finally {
    store.close();
  }
}

function requireSealed(folder: string): void {
  if (!isSealed(folder)) throw new CommandFailure("This account has no password: parley password set");
}

async function newPassword({ streams }: VerbContext, source: PasswordSource): Promise<Secret> {
  const password = await source("New password:");
  if (new TextDecoder().decode(password.expose()).length < MIN_PASSWORD_LENGTH) {
    password.wipe();
    throw new CommandFailure(`A password has at least ${MIN_PASSWORD_LENGTH} characters`);
  }
  if (streams.interactive) {
    const again = await source("Once more:");
    const isSame = Buffer.compare(again.expose(), password.expose()) === 0;
    again.wipe();
    if (!isSame) throw new CommandFailure("These were two different passwords: nothing was changed");
  }
  return password;
}
