import { openAccount } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { LocalStatus } from "../local-api.ts";
import type { VerbContext } from "../program.ts";

/** `parley status`: for a person, or with `--json` for a status bar. */
export async function runStatus(
  { folder, password, streams }: VerbContext,
  { json }: { json?: boolean },
): Promise<ExitCode> {
  await using account = await openAccount(folder, password);
  const status = await account.api.status();
  if (json) await streams.print(JSON.stringify(status, undefined, 2));
  else for (const line of statusLines(status)) await streams.print(line);
  return exitCodeOf(status);
}

function statusLines({
  name,
  server,
  connection,
  queued,
  unread,
  mentions,
  invitations,
  recoveryWordsConfirmed,
  alarms,
  warnings,
}: LocalStatus): string[] {
  return [
    `${name} at ${server.host}`,
    `Server: ${server.why}; code ${server.code}`,
    `Connection: ${connection.kind}${connection.reason === "" ? "" : ` (${connection.reason})`}`,
    `Unread: ${unread}, for you: ${mentions}, queued: ${queued}`,
    ...alarms.map((alarm) => `ALARM: ${alarm}`),
    ...warnings.map((warning) => `Warning: ${warning}`),
    ...invitations.map(({ from }) => `Invited by ${from}`),
    ...(recoveryWordsConfirmed ? [] : ["Your recovery words are not confirmed: see /words in the chat"]),
  ];
}

function exitCodeOf({ connection }: LocalStatus): ExitCode {
  if (connection.kind === "connected") return EXIT_CODES.ok;
  return (
    Object.values(EXIT_CODES).find((code) => code !== 0 && code === connection.exitCode) ?? EXIT_CODES.offline
  );
}
