import { CommandFailure } from "../command-failure.ts";
import { playDemo } from "../demo/demo.ts";
import { runPerson } from "../demo/person-process.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { VerbContext } from "../program.ts";

/** `parley demo`: needs no terminal, keeps nothing. */
export async function runDemo({ streams }: Omit<VerbContext, "folder" | "password">): Promise<ExitCode> {
  try {
    await playDemo((line) => streams.print(line));
    return EXIT_CODES.ok;
  } catch (error) {
    throw new CommandFailure(`demo: failed: ${error instanceof Error ? error.message : "unknown"}`);
  }
}

/** One of the demo's people, driven by the process that started it. */
export async function runDemoPerson(folder: string): Promise<ExitCode> {
  await runPerson(folder);
  return EXIT_CODES.ok;
}
