import { createReadStream, existsSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { openOrAttach } from "@parley/client/node";
import { CommandFailure } from "../command-failure.ts";
import { relayFolder } from "../environment.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { VerbContext } from "../program.ts";
import { relayIn } from "../relay-service.ts";
import type { Streams } from "../streams.ts";

interface RestoreOptions {
  readonly data?: string;
  readonly logFrom?: string;
  readonly acceptLogLoss?: boolean;
}

/** `parley restore [FOLDER]`: puts a backup back, repairs the log of a restored relay, or takes the log as it is. */
export async function runRestore(
  { environment, streams }: Omit<VerbContext, "folder" | "password">,
  from: string | undefined,
  { data, logFrom, acceptLogLoss = false }: RestoreOptions,
): Promise<ExitCode> {
  const dataFolder = resolve(data ?? relayFolder(environment));
  if (from === undefined && logFrom === undefined && !acceptLogLoss) {
    throw new CommandFailure(
      "Say which backup to put back, or --log-from FILE, or --accept-log-loss",
      EXIT_CODES.usage,
    );
  }
  if (logFrom !== undefined && acceptLogLoss) {
    throw new CommandFailure("--log-from and --accept-log-loss exclude each other", EXIT_CODES.usage);
  }
  if (logFrom !== undefined && !existsSync(logFrom)) throw new CommandFailure(`There is no file ${logFrom}`);
  if (from !== undefined) await putBack(streams, { from: resolve(from), dataFolder });
  else if (!relayIn(dataFolder)) throw new CommandFailure(`There is no relay in ${dataFolder}`);
  if (logFrom !== undefined) await fillLog(streams, { logFrom, dataFolder });
  else if (acceptLogLoss) await takeLogAsItIs(streams, dataFolder);
  else await streams.print(NEXT_STEPS);
  return EXIT_CODES.ok;
}

const NEXT_STEPS = `Until its log is whole nobody can register here. Start it: people's programs give it what it lacks.
When whoever was on line last has been here: parley admin end-repair. Who cannot connect (exit code 12)
helps with the file of \`parley log export FILE\`: parley restore --log-from FILE.`;

async function putBack(
  streams: Streams,
  { from, dataFolder }: { readonly from: string; readonly dataFolder: string },
): Promise<void> {
  const { restoreBackup } = await import("@parley/server");
  const { madeAtMs, generation, logSize } = await restoreBackup({ from, dataFolder, nowMs: Date.now() });
  await streams.print(
    `The relay of ${new Date(madeAtMs).toISOString()} is in ${dataFolder}: generation ${generation}, ${logSize} entries in its log`,
  );
}

async function fillLog(
  streams: Streams,
  { logFrom, dataFolder }: { readonly logFrom: string; readonly dataFolder: string },
): Promise<void> {
  const { repairLog } = await import("@parley/server");
  const read = () => createInterface({ input: createReadStream(logFrom, "utf8") });
  const { entries, accounts, size } = await whileStopped(dataFolder, () =>
    repairLog({ dataFolder, read, nowMs: Date.now() }),
  );
  await streams.print(
    entries === 0
      ? `Nothing was missing: ${size} entries`
      : `${entries} entries were missing, ${size} in all; ${accounts} accounts are back`,
  );
}

async function takeLogAsItIs(streams: Streams, dataFolder: string): Promise<void> {
  const { acceptLogLoss } = await import("@parley/server");
  const was = await whileStopped(dataFolder, () => acceptLogLoss(dataFolder));
  await streams.print(
    was
      ? "The log goes on from here. Whoever has seen more of it is told that it went back, and stays away"
      : "The log was not waiting for anything",
  );
}

async function whileStopped<T>(dataFolder: string, work: () => Promise<T>): Promise<T> {
  const held = await openOrAttach({ folder: dataFolder });
  try {
    if (held.role === "attached") throw new CommandFailure("Stop the relay first: it runs on this folder");
    return await work();
  } finally {
    await held.close();
  }
}
