import { resolve } from "node:path";
import { openOrAttach } from "@parley/client/node";
import type { BackupManifest } from "@parley/server";
import { CommandFailure } from "../command-failure.ts";
import { relayFolder } from "../environment.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { asNumber } from "../json-shape.ts";
import type { VerbContext } from "../program.ts";
import { relayIn } from "../relay-service.ts";

interface BackupOptions {
  readonly data?: string;
  readonly json?: boolean;
}

/** `parley backup FOLDER`: copies a relay, running or not, and checks the copy. */
export async function runBackup(
  { environment, streams }: Omit<VerbContext, "folder" | "password">,
  target: string,
  { data, json }: BackupOptions,
): Promise<ExitCode> {
  const dataFolder = resolve(data ?? relayFolder(environment));
  if (!relayIn(dataFolder)) throw new CommandFailure(`There is no relay in ${dataFolder}`);
  const folder = resolve(target);
  const { copyData, finishBackup, stoppedSource } = await import("@parley/server");
  const held = await openOrAttach({ folder: dataFolder });
  let settledLogSize: number;
  try {
    settledLogSize =
      held.role === "attached"
        ? asNumber(await held.call("copy-data", { folder }))
        : await copyData(stoppedSource(dataFolder), folder);
  } finally {
    await held.close();
  }
  const manifest = await finishBackup(folder, { settledLogSize, nowMs: Date.now() });
  if (json) await streams.print(JSON.stringify({ folder, ...manifest }));
  else await streams.print(`${sizeOf(manifest)} in ${folder}, checked`);
  return EXIT_CODES.ok;
}

function sizeOf({ files }: BackupManifest): string {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return `${files.length} files, ${(bytes / 1_000_000).toFixed(1)} MB`;
}
