import type { Chat, RoomSummary } from "@parley/client";
import type { ArgumentKind } from "./command.ts";
import { ROLES } from "./people-commands.ts";
import { COMMANDS, findCommand } from "./registry.ts";

/** What Tab can put in place of the characters from `start` to `end`. */
export interface Completion {
  readonly start: number;
  readonly end: number;
  /** Whole replacements, best first; never empty. */
  readonly candidates: readonly string[];
}

/** What completion looks at. */
export interface CompletionSource {
  readonly chat: Chat;
  readonly room: RoomSummary | undefined;
}

/** Completes the word before the cursor; undefined when nothing fits. */
export function completeInput(
  text: string,
  cursor: number,
  source: CompletionSource,
): Completion | undefined {
  const before = text.slice(0, cursor);
  const command = /^\/(\S*)$/.exec(before);
  if (command)
    return offer(
      0,
      cursor,
      commandNames(command[1]!).map((name) => `/${name} `),
    );
  const start = before.search(/\S*$/);
  const word = before.slice(start);
  const used = /^\/(\S+)\s/.exec(before);
  if (used && !text.startsWith("//"))
    return completeArgument({ name: used[1]!, before, start, word }, source);
  if (word.startsWith("#") && word.length > 1)
    return offer(start, cursor, match(roomNames(source), word.slice(1), "#"));
  if (word === "") return undefined;
  return offer(start, cursor, match(memberNames(source), word.replace(/^@/, ""), "@"));
}

function completeArgument(
  { name, before, start, word }: { name: string; before: string; start: number; word: string },
  source: CompletionSource,
): Completion | undefined {
  const kinds = findCommand(name)?.completes ?? [];
  const index = before.slice(0, start).trim().split(/\s+/).length - 1;
  const kind = kinds[Math.min(index, kinds.length - 1)];
  if (kind === undefined || kind === "text") return undefined;
  const sign = /^[@#]/.exec(word)?.[0] ?? "";
  return offer(start, before.length, match(valuesOf(kind, source), word.slice(sign.length), sign));
}

function valuesOf(kind: Exclude<ArgumentKind, "text">, source: CompletionSource): readonly string[] {
  switch (kind) {
    case "command":
      return COMMANDS.map((command) => command.name);
    case "room":
      return roomNames(source);
    case "person":
      return knownNames(source);
    case "inviter":
      return source.chat.snapshot().invitations.map((invitation) => invitation.from);
    case "role":
      return ROLES;
    case "switch":
      return ["on", "off"];
  }
}

function commandNames(prefix: string): string[] {
  return COMMANDS.map((command) => command.name).filter((name) => name.startsWith(prefix.toLowerCase()));
}

function roomNames({ chat }: CompletionSource): string[] {
  return chat.snapshot().rooms.map((room) => room.name);
}

/** The people of this room first, then those of other rooms. */
function knownNames(source: CompletionSource): string[] {
  const others = source.chat.snapshot().rooms.flatMap((room) => namesIn(source, room.id));
  return [...new Set([...memberNames(source), ...others])];
}

function memberNames(source: CompletionSource): string[] {
  return source.room ? namesIn(source, source.room.id) : [];
}

function namesIn({ chat }: CompletionSource, room: string): string[] {
  return chat
    .members(room)
    .filter((member) => !member.me)
    .map((member) => member.name);
}

function match(values: readonly string[], prefix: string, sign: string): string[] {
  const lower = prefix.toLowerCase();
  return [...new Set(values)]
    .filter((value) => value.toLowerCase().startsWith(lower))
    .map((value) => `${sign}${value} `);
}

function offer(start: number, end: number, candidates: readonly string[]): Completion | undefined {
  return candidates.length === 0 ? undefined : { start, end, candidates };
}
