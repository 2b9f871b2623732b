import type { EnrolmentRoad } from "@parley/client";
import { isName } from "@parley/protocol";
import { CommandFailure } from "../command-failure.ts";
import { accountExists, makeAccount } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { showChat } from "../opened-screen.ts";
import type { ScreenChoice, VerbContext } from "../program.ts";

/** Options of the verbs that make an account. */
export interface ArrivalOptions extends ScreenChoice {
  readonly name?: string;
  readonly open: boolean;
}

/** `parley join LINK`: checks the server against the link, makes an account there, opens the chat. */
export async function runJoin(
  context: VerbContext,
  link: string,
  options: ArrivalOptions,
): Promise<ExitCode> {
  await requireNewProfile(context);
  const name = await chooseName(context, options.name);
  return await arrive(context, { link: link.replace(/\s+/g, "") }, { ...options, name });
}

/** Makes the account and, on a terminal, opens the chat. */
export async function arrive(
  context: VerbContext,
  road: EnrolmentRoad,
  options: ArrivalOptions & { readonly name: string },
): Promise<ExitCode> {
  await makeAccount({ folder: context.folder, road, name: options.name });
  if (options.open && context.streams.interactive) return await showChat(context, options);
  await context.streams.print(
    `You are ${options.name}. Recovery words to write on paper: ${context.folder}/recovery-words.txt`,
  );
  return EXIT_CODES.ok;
}

/** A profile is one account. */
export async function requireNewProfile({ folder }: VerbContext): Promise<void> {
  if (await accountExists(folder)) {
    throw new CommandFailure(
      "This profile has an account already: open it with `parley`, or choose another with --profile NAME",
    );
  }
}

/** The name given, or the one the person answers with; asked again while it cannot be claimed. */
export async function chooseName(
  { streams, environment }: VerbContext,
  given: string | undefined,
): Promise<string> {
  if (given !== undefined) {
    if (isName(given)) return given;
    throw new CommandFailure(NAME_RULE, EXIT_CODES.usage);
  }
  if (!streams.interactive) throw new CommandFailure("A name is needed: --name NAME", EXIT_CODES.usage);
  for (;;) {
    const name = (await streams.ask("What is your name?", environment.loginName)).toLowerCase();
    if (isName(name)) return name;
    streams.warn(NAME_RULE);
  }
}

const NAME_RULE = "A name has 1 to 32 of the letters a to z, digits, dot, dash and underscore";
