import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { NewIdentity, TlsMode, WitnessAddress } from "@parley/server";
import { cosignatureVerifier, TlogError } from "@parley/trust/tlog";
import { CommandFailure } from "../command-failure.ts";
import { relayFolder } from "../environment.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { VerbContext } from "../program.ts";
import { rememberedPort, startRelayService } from "../relay-service.ts";
import type { Streams } from "../streams.ts";

interface ServeOptions {
  readonly listen?: string;
  readonly data?: string;
  readonly hostName?: readonly string[];
  readonly registration: "invite" | "open" | "closed";
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly behindProxy?: boolean;
  readonly log: "silent" | "error" | "warn" | "info";
  readonly witness?: readonly string[];
  readonly yes?: boolean;
  readonly companion?: boolean;
}

export const DEFAULT_LISTEN_PORT = 7443;
const WORDS_FILE = "server-recovery-words.txt";

/** `parley serve`: runs a relay until it is told to stop; then everything under way is finished. */
export async function runServe(
  { environment, streams, signal }: Omit<VerbContext, "folder" | "password">,
  options: ServeOptions,
): Promise<ExitCode> {
  const dataFolder = options.data ?? relayFolder(environment);
  const { host, port } = parseListen(options.listen, await rememberedPort(dataFolder));
  const [publicHost] = options.hostName ?? [];
  const service = await startRelayService({
    dataFolder,
    host,
    port,
    tls: tlsMode(options),
    registration: options.registration,
    log: { level: options.log, destination: { write: (line) => streams.stderr.write(line) } },
    onNewIdentity: (identity) => keepWords(identity, { dataFolder, streams, yes: options.yes ?? false }),
    publicHost,
    ...(options.hostName && { hostNames: options.hostName }),
    ...(options.witness && { witnesses: options.witness.map(parseWitness) }),
  });
  await using running = service;
  if (!running.here) {
    process.send?.({ ready: true });
    if (options.companion) return EXIT_CODES.ok;
    throw new CommandFailure(
      `A relay runs on ${dataFolder} already, at ${(await running.describe()).address}`,
    );
  }
  if (!options.companion) await announce(streams, running);
  process.send?.({ ready: true });
  await stopped(signal, options.companion ?? false);
  return EXIT_CODES.ok;
}

async function announce(
  streams: Streams,
  running: Awaited<ReturnType<typeof startRelayService>>,
): Promise<void> {
  const { address, code, logKey, accounts } = await running.describe();
  await streams.print(`Parley relay at ${address}`);
  await streams.print(`Server code  ${code}`);
  await streams.print(`Log key      ${logKey}`);
  if (accounts > 0) return;
  await streams.print("Nobody is here yet. The first person comes with this link, within a day:");
  await streams.print("");
  await streams.print(await running.invite());
  await streams.print("");
}

async function stopped(signal: AbortSignal, companion: boolean): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve());
    if (companion) process.once("disconnect", () => resolve());
  });
}

function parseListen(
  listen: string | undefined,
  remembered: number | undefined,
): { host: string; port: number } {
  if (listen === undefined) return { host: "127.0.0.1", port: remembered ?? DEFAULT_LISTEN_PORT };
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:\s]*))(?::(\d{1,5}))?$/i.exec(listen);
  const port = Number(match?.[3] ?? DEFAULT_LISTEN_PORT);
  if (!match || port > 65_535) {
    throw new CommandFailure(`I cannot listen on "${listen}": HOST:PORT is needed`, EXIT_CODES.usage);
  }
  return { host: match[1] ?? (match[2] || "0.0.0.0"), port };
}

function parseWitness(given: string): WitnessAddress {
  const split = given.search(/=https?:\/\//);
  const [vkey, url] = [given.slice(0, split), given.slice(split + 1)];
  if (split > 0 && URL.canParse(url) && isWitnessKey(vkey)) return { vkey, url };
  throw new CommandFailure(`"${given}" is no witness: VKEY=URL is needed`, EXIT_CODES.usage);
}

function isWitnessKey(vkey: string): boolean {
  try {
    cosignatureVerifier(vkey);
    return true;
  } catch (error) {
    if (error instanceof TlogError) return false;
    throw error;
  }
}

function tlsMode({ tlsCert, tlsKey, behindProxy }: ServeOptions): TlsMode {
  if (behindProxy) return { kind: "off", trustForwardedFor: true };
  if (tlsCert === undefined && tlsKey === undefined) return { kind: "self-signed" };
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new CommandFailure("--tls-cert and --tls-key go together", EXIT_CODES.usage);
  }
  return { kind: "files", certificateFile: tlsCert, keyFile: tlsKey };
}

/** Shown once and asked back, or with `--yes` written to a file: the relay starts only after one of them. */
async function keepWords(
  { recoveryWords, nextKeyFile }: NewIdentity,
  {
    dataFolder,
    streams,
    yes,
  }: { readonly dataFolder: string; readonly streams: Streams; readonly yes: boolean },
): Promise<void> {
  if (yes) {
    await mkdir(dataFolder, { recursive: true, mode: 0o700 });
    const file = join(dataFolder, WORDS_FILE);
    await writeFile(file, `${recoveryWords}\n`, { mode: 0o600, flag: "wx" });
    streams.warn(
      `The server's recovery words are in ${file}: move them to paper, and ${nextKeyFile} to another machine.`,
    );
    return;
  }
  if (!streams.interactive) {
    throw new CommandFailure(
      "The first start shows recovery words and needs a terminal; with --yes they go to a file",
      EXIT_CODES.usage,
    );
  }
  await streams.print(
    "A new server. These 24 words replace its key when that is lost or stolen. They are shown once:",
  );
  await streams.print("");
  for (const row of rowsOf(recoveryWords.split(" "), 6))
    await streams.print(`  ${row.map((word) => word.padEnd(10)).join("")}`);
  await streams.print("");
  const wanted = digest(recoveryWords);
  for (;;) {
    const typed = await streams.ask("Write them on paper, then type them here:");
    if (digest(typed.toLowerCase().split(/\s+/).join(" ")) === wanted) break;
    streams.warn("These are not the words. Once more, or Ctrl-C to stop; nothing has been made yet.");
  }
  await streams.print(`Keep the paper. Move ${nextKeyFile} to another machine.`);
}

function digest(words: string): string {
  return createHash("sha256").update(words).digest("hex");
}

function rowsOf<Value>(values: readonly Value[], size: number): Value[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, row) =>
    values.slice(row * size, (row + 1) * size),
  );
}
