import type { EnrolmentRoad } from "@parley/client";
import { isName } from "@parley/protocol";
import { parseInviteLink } from "@parley/trust";
import { waitForChat } from "../chat-waiting.ts";
import { CommandFailure } from "../command-failure.ts";
import { accountExists, makeAccount, openAccount } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { showChat } from "../opened-screen.ts";
import type { ScreenChoice, VerbContext } from "../program.ts";

const ROOM_PATIENCE_MS = 10_000;

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
  const { folder, streams } = context;
  const told: string[] = [];
  await makeAccount({ folder, road, name: options.name, onServerMet: (text) => told.push(text) });
  if ("host" in road) for (const text of told) await streams.print(text);
  if (options.open && context.streams.interactive) return await showChat(context, options);
  await context.streams.print(`You are ${options.name}.`);
  await context.streams.print(`Recovery words to write on paper: ${context.folder}/recovery-words.txt`);
  if ("link" in road && leadsToRoom(road.link)) await context.streams.print(await enterRoom(context));
  return EXIT_CODES.ok;
}

function leadsToRoom(link: string): boolean {
  return parseInviteLink(link, Date.now()).room !== undefined;
}

/** The inviter's client lets in who comes by its link, as soon as both are on line. */
async function enterRoom({ folder, password, signal }: VerbContext): Promise<string> {
  await using account = await openAccount(folder, password);
  const { chat } = account;
  if (!chat) return "";
  const entered = await waitForChat(
    chat,
    () => chat.snapshot().rooms.some(({ state }) => state === "active"),
    {
      timeoutMs: ROOM_PATIENCE_MS,
      signal,
    },
  );
  return entered
    ? "You are in the room."
    : "You will be let into the room when whoever invited you is on line.";
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
