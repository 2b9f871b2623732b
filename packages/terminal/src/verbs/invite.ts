import { openAccount } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { VerbContext } from "../program.ts";

const HOUR_MS = 60 * 60 * 1000;

/** `parley invite`: the link alone on standard output. */
export async function runInvite(
  { folder, password, streams }: VerbContext,
  { room, hours }: { room?: string; hours?: number },
): Promise<ExitCode> {
  await using account = await openAccount(folder, password);
  const ttlMs = hours === undefined ? undefined : hours * HOUR_MS;
  await streams.print(await account.api.invite({ room, ttlMs }));
  return EXIT_CODES.ok;
}
