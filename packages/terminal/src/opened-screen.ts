import type { Chat } from "@parley/client";
import { CommandFailure } from "./command-failure.ts";
import type { OpenAccount } from "./composition.ts";
import { openAccount } from "./composition.ts";
import type { ExitCode } from "./exit-codes.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import type { ScreenChoice, VerbContext } from "./program.ts";

/** A page to show first. */
export interface Greeting {
  readonly title: string;
  readonly lines: readonly string[];
}

/** Opens the chat of the chosen profile and shows it until the person leaves. */
export async function showChat(
  context: VerbContext,
  choice: ScreenChoice,
  greet: (chat: Chat) => Promise<Greeting | undefined> = async () => undefined,
): Promise<ExitCode> {
  await using account = await openAccount(context.folder, context.password);
  const chat = ownChat(account);
  const greeting = await greet(chat);
  if (choice.plain || !context.environment.fullScreen) {
    const { runPlainChat } = await import("./plain/plain-chat.ts");
    await runPlainChat({
      chat,
      streams: context.streams,
      signal: context.signal,
      ...(greeting && { greeting }),
    });
  } else {
    const { runScreen } = await import("./screen/run-screen.ts");
    const { stdin, stdout } = context.streams;
    await runScreen({
      chat,
      keyboard: stdin,
      display: stdout,
      background: choice.theme === "auto" ? context.environment.background : choice.theme,
      colour: context.environment.colour,
      mouse: choice.mouse,
      signal: context.signal,
      suspend: suspendProcess,
      ...(greeting && { greeting }),
    });
  }
  return exitCodeOf(chat);
}

function ownChat({ chat }: OpenAccount): Chat {
  if (chat) return chat;
  throw new CommandFailure(
    "This account is open in another Parley: use that one, or choose another with --profile",
  );
}

/** A server that changed its identity is told also by the exit code. */
function exitCodeOf(chat: Chat): ExitCode {
  const { connection } = chat.snapshot();
  if (connection.kind !== "stopped") return EXIT_CODES.ok;
  return Object.values(EXIT_CODES).find((code) => code === connection.exitCode) ?? EXIT_CODES.failure;
}

/** Stops the process as Ctrl-Z does in a shell; resolves when it is continued. */
async function suspendProcess(): Promise<void> {
  const continued = Promise.withResolvers<void>();
  process.once("SIGCONT", () => continued.resolve());
  process.kill(process.pid, "SIGTSTP");
  await continued.promise;
}
