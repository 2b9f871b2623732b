import type { Writable } from "node:stream";
import type { ClassicCommand } from "./arguments.ts";
import type { DhGroup } from "./group.ts";
import { MODP14 } from "./group.ts";
import { GROUP_BITS, generateGroup, loadGroup, saveGroup } from "./group-source.ts";
import { HONESTY } from "./honesty.ts";
import { ClassicRelay } from "./relay.ts";

type ServeCommand = Extract<ClassicCommand, { verb: "serve" }>;

/** Runs the relay until `stop`; the lines are the original's (classic-v1 §3). */
export async function serve(
  command: ServeCommand,
  { stdout }: { readonly stdout: Writable },
  stop: AbortSignal,
): Promise<number> {
  const print = (line: string) => void stdout.write(`${line}\n`);
  print("SecureChat Sever v0.1");
  print(HONESTY);
  const failed = new AbortController();
  const searchEnd = AbortSignal.any([stop, failed.signal]);
  const exit = () => {
    print("\rExiting...");
    return 0;
  };
  try {
    await using _relay = await ClassicRelay.start({
      host: command.host,
      port: command.port,
      group: obtainGroup(command, stdout, searchEnd),
      log: print,
      showSecrets: command.showSecrets,
    });
    if (!stop.aborted)
      await new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
    return exit();
  } catch (error) {
    if (stop.aborted && error === stop.reason) return exit();
    throw error;
  } finally {
    failed.abort();
  }
}

async function obtainGroup(command: ServeCommand, stdout: Writable, signal: AbortSignal): Promise<DhGroup> {
  if (command.group === "modp14") {
    stdout.write(`Using the ${GROUP_BITS}-bit prime of RFC 3526, group 14...\nDone!\n`);
    return MODP14;
  }
  const { paramsPath } = command;
  const loaded = paramsPath === undefined ? undefined : await loadGroup(paramsPath);
  if (loaded !== undefined) {
    stdout.write(`Using the prime in ${paramsPath}...\nDone!\n`);
    return loaded;
  }
  stdout.write(`Generating a ${GROUP_BITS}-bit prime...\n`);
  const group = await generateGroup({ signal, onStep: (step) => void stdout.write(step) });
  stdout.write("\nDone!\n");
  if (paramsPath !== undefined) await saveGroup(paramsPath, group);
  return group;
}
