import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ChatError } from "@parley/client";
import { CommandFailure } from "../command-failure.ts";
import { openAccount } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { LocalApi, LocalLog } from "../local-api.ts";
import type { VerbContext } from "../program.ts";

const MINUTE_MS = 60_000;

/** `parley log sync`: fetches what is new of the server's log. Exit 12 when something is wrong with it. */
export async function runLogSync({ folder, password, streams }: VerbContext): Promise<ExitCode> {
  await using account = await openAccount(folder, password);
  const log = await account.api.log({ sync: true, check: false });
  for (const line of logLines(log)) await streams.print(line);
  return exitCodeOf(log);
}

/** `parley log check`: computes the whole tree again from the entries on disk. */
export async function runLogCheck({ folder, password, streams }: VerbContext): Promise<ExitCode> {
  await using account = await openAccount(folder, password);
  const log = await account.api.log({ sync: false, check: true });
  for (const line of logLines(log)) await streams.print(line);
  if (!log.holds)
    throw new CommandFailure("The entries on this disk do not lead to the root that the log signed");
  return exitCodeOf(log);
}

/**
 * `parley log monitor`: fetches what is new, every so often, and prints what is wrong when it becomes so, until told to
 * stop. Exit 12 when something is wrong with the server at the end.
 */
export async function runLogMonitor(
  { folder, password, streams, signal }: VerbContext,
  { every }: { readonly every: number },
): Promise<ExitCode> {
  await using account = await openAccount(folder, password);
  let told: ReadonlySet<string> = new Set();
  for (;;) {
    const { lines, exitCode } = await wrongNow(account.api);
    for (const line of lines) if (!told.has(line)) await streams.print(line);
    told = new Set(lines);
    if (await stopped(signal, every * MINUTE_MS)) return exitCode;
  }
}

async function wrongNow(
  api: LocalApi,
): Promise<{ readonly lines: readonly string[]; readonly exitCode: ExitCode }> {
  const log = await api.log({ sync: true, check: false }).catch((error: unknown) => {
    if (error instanceof ChatError) return error;
    throw error;
  });
  const [{ alarms }, { warnings }] = [await api.status(), await api.policy.status()];
  return {
    lines: [
      ...alarms.map((alarm) => `ALARM: ${alarm}`),
      ...warnings.map((warning) => `Warning: ${warning}`),
      ...(log instanceof ChatError ? [`Not fetched: ${log.message}`] : []),
    ],
    exitCode: exitCodeOf({ alarms }),
  };
}

/** Waits; true when the person had enough. */
async function stopped(signal: AbortSignal, waitMs: number): Promise<boolean> {
  await sleep(waitMs, undefined, { signal }).catch(() => {});
  return signal.aborted;
}

/** `parley log prove NAME`: C2SP tlog-proofs of a person's key chain, a line with `%` between. */
export async function runLogProve(
  { folder, password, streams }: VerbContext,
  name: string,
): Promise<ExitCode> {
  await using account = await openAccount(folder, password);
  const proofs = await account.api.proveLogged(name);
  await streams.print(proofs.join("%\n").trimEnd());
  return EXIT_CODES.ok;
}

/** `parley log export FILE`: checkpoint, key and all entries, one JSON object a line. */
export async function runLogExport(
  { folder, password, streams, signal }: VerbContext,
  file: string,
): Promise<ExitCode> {
  await using account = await openAccount(folder, password);
  let count = 0;
  await writeFile(
    file,
    countedLines(account.api.exportLog(signal), () => (count += 1)),
    { mode: 0o600, flag: "wx" },
  );
  await streams.print(`${Math.max(0, count - 1)} entries in ${file}`);
  return EXIT_CODES.ok;
}

async function* countedLines(lines: AsyncIterable<string>, count: () => void): AsyncIterable<string> {
  for await (const line of lines) {
    count();
    yield `${line}\n`;
  }
}

function logLines({ origin, size, root, alarms }: LocalLog): string[] {
  if (origin === "") return ["This relay keeps no log"];
  return [`${origin}: ${size} entries`, `Root  ${root}`, ...alarms.map((alarm) => `ALARM: ${alarm}`)];
}

function exitCodeOf({ alarms }: Pick<LocalLog, "alarms">): ExitCode {
  return alarms.length > 0 ? EXIT_CODES.serverRolledBack : EXIT_CODES.ok;
}
