import { ChatError } from "@parley/client";
import type { Command, CommandContext, CommandOutcome } from "./command.ts";
import { DONE, roomOf, UsageError } from "./command.ts";
import { findCommand, nearestCommand } from "./registry.ts";

/** What a person entered. */
export type InputLine =
  | { readonly kind: "empty" }
  | { readonly kind: "message"; readonly text: string }
  | { readonly kind: "command"; readonly command: Command; readonly rest: string }
  | { readonly kind: "unknown"; readonly name: string };

/** `/name rest` is a command, `//text` a message that begins with a slash, `!exit` an old way to say `/quit`. */
export function parseInputLine(input: string): InputLine {
  if (input.trim() === "") return { kind: "empty" };
  if (input.trim() === "!exit") return { kind: "command", command: findCommand("quit")!, rest: "" };
  if (input.startsWith("//")) return { kind: "message", text: input.slice(1) };
  const match = /^\/(\S*)\s*([\s\S]*)$/.exec(input);
  if (!match) return { kind: "message", text: input };
  const name = match[1]!.toLowerCase();
  const command = findCommand(name);
  return command ? { kind: "command", command, rest: match[2]!.trim() } : { kind: "unknown", name };
}

/**
 * Carries out what was entered. Refusals (`ChatError`, `UsageError`) come back as one line with `failed`; any other
 * error is thrown.
 */
export async function runInputLine(
  line: InputLine,
  context: CommandContext,
): Promise<CommandOutcome | { readonly kind: "failed"; readonly text: string }> {
  try {
    switch (line.kind) {
      case "empty":
        return DONE;
      case "message":
        await context.chat.send(roomOf(context).id, line.text);
        return DONE;
      case "command":
        return await line.command.run(context, line.rest);
      case "unknown":
        return { kind: "failed", text: unknownText(line.name) };
    }
  } catch (error) {
    if (error instanceof ChatError || error instanceof UsageError)
      return { kind: "failed", text: error.message };
    throw error;
  }
}

function unknownText(name: string): string {
  const nearest = nearestCommand(name);
  return `There is no command /${name}${nearest ? `. Did you mean /${nearest.name}?` : ". /help lists them"}`;
}
