import type { Chat, RoomSummary } from "@parley/client";

/** What a command works on. */
export interface CommandContext {
  readonly chat: Chat;
  /** The room on the screen. */
  readonly room: RoomSummary | undefined;
}

/** What a command leads to; the screen and the plain mode each show it in their way. */
export type CommandOutcome =
  | { readonly kind: "done" }
  /** One line for the person. */
  | { readonly kind: "said"; readonly text: string }
  /** A page to read, a line may be a term and its text with a tab between; `copy` is what belongs on the clipboard. */
  | {
      readonly kind: "shown";
      readonly title: string;
      readonly lines: readonly string[];
      readonly copy?: string;
    }
  | { readonly kind: "opened"; readonly room: string; readonly text?: string }
  | { readonly kind: "cleared" }
  | { readonly kind: "mouse"; readonly on: boolean }
  | { readonly kind: "quit" };

/** What Tab offers for an argument. */
export type ArgumentKind = "command" | "room" | "person" | "inviter" | "role" | "switch" | "text";

/** A slash command. */
export interface Command {
  /** Without the slash. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Its arguments, as in a manual page: `NAME [TEXT…]`. */
  readonly usage: string;
  /** One line. */
  readonly help: string;
  /** What the arguments are, for completion; the last kind holds for all that follow. */
  readonly completes: readonly ArgumentKind[];
  /** Never kept in the input history. */
  readonly secret?: boolean;
  /** @param rest what follows the name, outer spaces removed. */
  run(context: CommandContext, rest: string): Promise<CommandOutcome>;
}

/** A command was used wrongly; `message` is one sentence for the person. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The room of the context; a UsageError without one. */
export function roomOf({ room }: CommandContext): RoomSummary {
  if (!room) throw new UsageError("Open a room first: /room NAME");
  return room;
}

/** The words of a command's arguments, a leading @ of names removed. */
export function names(rest: string): string[] {
  return rest
    .split(/[\s,]+/)
    .filter((word) => word !== "")
    .map((word) => word.replace(/^@/, ""));
}

/** The one name in `rest`; a UsageError for none or several. */
export function oneName(rest: string): string {
  const [name, ...more] = names(rest);
  if (name === undefined || more.length > 0) throw new UsageError("One name is needed");
  return name;
}

export const DONE: CommandOutcome = { kind: "done" };

export function said(text: string): CommandOutcome {
  return { kind: "said", text };
}
