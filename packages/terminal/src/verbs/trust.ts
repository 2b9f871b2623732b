import { parseArgs } from "node:util";
import { CommandFailure } from "../command-failure.ts";
import { isProfile, profileFolder } from "../environment.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { VerbContext } from "../program.ts";
import type { TrustAction, TrustActions, TrustArguments } from "./trust-action.ts";

/** Every action of `parley trust`, in the order of its help. */
async function trustActions(): Promise<TrustActions> {
  const { PEOPLE_ACTIONS } = await import("./trust-people.ts");
  const { POLICY_ACTIONS } = await import("./trust-policy.ts");
  const { FILE_ACTIONS } = await import("./trust-file.ts");
  return { ...PEOPLE_ACTIONS, ...POLICY_ACTIONS, ...FILE_ACTIONS };
}

/** `parley trust ACTION …`: who is trusted here, why, and what to do about it. */
export async function runTrust(context: VerbContext, words: readonly string[]): Promise<ExitCode> {
  const actions = await trustActions();
  const [name = "help", ...rest] = words;
  if (name === "help" || name === "--help" || name === "-h") {
    for (const line of helpLines(actions)) await context.streams.print(line);
    return EXIT_CODES.ok;
  }
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (!action) throw usage(`"${name}" is nothing that trust can do`, actions);
  const given = parse(action, rest);
  const { profile, ...options } = given.options;
  return action.run(withProfile(context, profile), { ...given, options });
}

function parse(action: TrustAction, args: readonly string[]): TrustArguments {
  try {
    const { positionals, values } = parseArgs({
      args: [...args],
      options: { ...action.options, profile: { type: "string", short: "p" } },
      allowPositionals: true,
    });
    return { words: positionals, options: values };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new CommandFailure(error.message.replace(/\. .*$/s, ""), EXIT_CODES.usage);
  }
}

function withProfile(context: VerbContext, profile: TrustArguments["options"][string]): VerbContext {
  if (typeof profile !== "string") return context;
  if (!isProfile(profile)) {
    throw new CommandFailure(
      "A profile's name is made of letters, digits, dots and dashes",
      EXIT_CODES.usage,
    );
  }
  return { ...context, folder: profileFolder(context.environment, profile) };
}

function usage(what: string, actions: TrustActions): CommandFailure {
  return new CommandFailure(
    `${what}; there are: ${Object.keys(actions).join(", ")}. See parley trust help`,
    EXIT_CODES.usage,
  );
}

function helpLines(actions: TrustActions): string[] {
  const rows = Object.entries(actions).map(
    ([name, action]) => [`parley trust ${name} ${action.usage}`.trimEnd(), action.help] as const,
  );
  return rows.flatMap(([term, help]) => [term, `    ${help}`]);
}
