import { join } from "node:path";
import { CommandFailure } from "../command-failure.ts";
import { witnessFolder } from "../environment.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { FaultLog } from "../fault-log.ts";
import type { VerbContext } from "../program.ts";
import { addLog, initWitness, openWitness } from "../witness/witness-folder.ts";
import { serveWitness } from "../witness/witness-server.ts";

type Outer = Omit<VerbContext, "folder" | "password">;

/** Where the witness lies. */
export interface WitnessOptions {
  readonly data?: string;
}

const DEFAULT_PORT = 7445;

/** `parley witness init NAME`: prints the key that logs and their readers are to know. */
export async function runWitnessInit(outer: Outer, name: string, options: WitnessOptions): Promise<ExitCode> {
  await outer.streams.print(await initWitness(folderOf(outer, options), name));
  return EXIT_CODES.ok;
}

/** `parley witness add-log VKEY`. */
export async function runWitnessAddLog(
  outer: Outer,
  vkey: string,
  options: WitnessOptions,
): Promise<ExitCode> {
  const origin = await addLog(folderOf(outer, options), vkey);
  await outer.streams.print(`Witnessing ${origin}`);
  return EXIT_CODES.ok;
}

/** `parley witness status`: the key, and each log with the size last cosigned. */
export async function runWitnessStatus(outer: Outer, options: WitnessOptions): Promise<ExitCode> {
  const { vkey, store } = await openWitness(folderOf(outer, options));
  try {
    await outer.streams.print(vkey);
    for (const origin of store.logs().keys()) {
      const state = await store.load(origin);
      const standing = state ? `${state.size} entries, root ${state.root.toHex()}` : "nothing cosigned yet";
      await outer.streams.print(`${origin}  ${standing}`);
    }
    return EXIT_CODES.ok;
  } finally {
    store.close();
  }
}

/** `parley witness run`: until it is told to stop. */
export async function runWitness(
  outer: Outer,
  { listen = `127.0.0.1:${DEFAULT_PORT}`, ...options }: WitnessOptions & { readonly listen?: string },
): Promise<ExitCode> {
  const { streams, signal } = outer;
  const folder = folderOf(outer, options);
  const address = parseAddress(listen);
  const open = await openWitness(folder);
  const faults = new FaultLog(join(folder, "faults.log"));
  try {
    const server = await serveWitness(open, { ...address, onFault: (error) => faults.write(error) });
    await streams.print(`Witness at http://${address.host}:${server.port}/`);
    await streams.print(`Key  ${open.vkey}`);
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    await server.close();
    return EXIT_CODES.ok;
  } finally {
    open.store.close();
  }
}

function folderOf({ environment }: Outer, { data }: WitnessOptions): string {
  return data ?? witnessFolder(environment);
}

function parseAddress(listen: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:\s]+)):(\d{1,5})$/i.exec(listen);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new CommandFailure(`I cannot listen on "${listen}": HOST:PORT is needed`, EXIT_CODES.usage);
  }
  return { host: match[1] ?? match[2] ?? "", port };
}
