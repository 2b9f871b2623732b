import { CommandFailure } from "../command-failure.ts";
import { openAccount } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { VerbContext } from "../program.ts";

/** `parley do /COMMAND…`: a slash command from a script. */
export async function runDo(
  { folder, password, streams }: VerbContext,
  words: readonly string[],
  { room }: { room?: string },
): Promise<ExitCode> {
  await using account = await openAccount(folder, password);
  const { failed, lines } = await account.api.command({ room, input: words.join(" ") });
  if (failed) throw new CommandFailure(lines.join(" "));
  for (const line of lines) await streams.print(line.replace("\t", "  "));
  return EXIT_CODES.ok;
}
