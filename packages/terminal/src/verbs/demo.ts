import { CommandFailure } from "../command-failure.ts";
import type { ExitCode } from "../exit-codes.ts";
import type { VerbContext } from "../program.ts";

/** `parley demo`. */
export async function runDemo(_context: Omit<VerbContext, "folder">): Promise<ExitCode> {
  throw new CommandFailure("The demo is not built yet");
}
