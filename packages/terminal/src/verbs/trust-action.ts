import type { ParseArgsOptionsConfig } from "node:util";
import type { ExitCode } from "../exit-codes.ts";
import type { VerbContext } from "../program.ts";

/** One thing that `parley trust` does, named by its first word. */
export interface TrustAction {
  /** Its arguments, as in a manual page: `@NAME [--json]`. */
  readonly usage: string;
  /** One line. */
  readonly help: string;
  /** In the form of `util.parseArgs`; `--profile` is there already. */
  readonly options: ParseArgsOptionsConfig;
  run(context: VerbContext, given: TrustArguments): Promise<ExitCode>;
}

/** What follows the action's name on the command line. */
export interface TrustArguments {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
}

/** Actions by their first word. */
export type TrustActions = Readonly<Record<string, TrustAction>>;
