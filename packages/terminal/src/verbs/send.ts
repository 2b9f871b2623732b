import { CommandFailure } from "../command-failure.ts";
import { openAccount } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { VerbContext } from "../program.ts";

/** `parley send ROOM [TEXT|-]`: exit 0 when the relay has the message, 20 when it waits on disk. */
export async function runSend(
  { folder, password, streams }: VerbContext,
  { room, text, wait }: { room: string; text?: string; wait: number },
): Promise<ExitCode> {
  const message = text === undefined || text === "-" ? (await streams.readAll()).replace(/\r?\n$/, "") : text;
  if (message.trim() === "") throw new CommandFailure("There is nothing to send");
  await using account = await openAccount(folder, password);
  const { state } = await account.api.send({ room, text: message, waitMs: wait * 1000 });
  if (state.kind === "failed") throw new CommandFailure(`Not sent: ${state.reason}`);
  if (state.kind === "sent") return EXIT_CODES.ok;
  streams.warn("parley: Queued: it goes out when Parley runs and the relay can be reached");
  return EXIT_CODES.offline;
}
