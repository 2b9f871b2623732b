import type { Command } from "./command.ts";
import { PEOPLE_COMMANDS } from "./people-commands.ts";
import { ROOM_COMMANDS } from "./room-commands.ts";
import { SESSION_COMMANDS } from "./session-commands.ts";
import { TRUST_COMMANDS } from "./trust-commands.ts";

const HELP: Command = {
  name: "help",
  aliases: ["h", "?"],
  usage: "[COMMAND]",
  help: "this page, or what one command does",
  completes: ["command"],
  async run(_context, rest) {
    const command = rest === "" ? undefined : findCommand(rest.replace(/^\//, ""));
    if (!command) return { kind: "shown", title: "Commands and keys", lines: helpLines() };
    const aliases = command.aliases ? [`Also: ${command.aliases.map((name) => `/${name}`).join(" ")}`] : [];
    return { kind: "shown", title: usageOf(command), lines: [command.help, ...aliases] };
  },
};

/** All slash commands, in the order of the help page. */
export const COMMANDS: readonly Command[] = [
  HELP,
  ...ROOM_COMMANDS,
  ...PEOPLE_COMMANDS,
  ...TRUST_COMMANDS,
  ...SESSION_COMMANDS,
];

/** The command of that name or alias, without the slash; undefined when there is none. */
export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name || command.aliases?.includes(name));
}

/** The command whose name is nearest to a mistyped one; undefined when none is near. */
export function nearestCommand(name: string): Command | undefined {
  let nearest: Command | undefined;
  let best = Math.min(3, Math.max(2, name.length));
  for (const command of COMMANDS) {
    const distance = command.name.startsWith(name) ? 1 : editDistance(command.name, name);
    if (distance < best) [nearest, best] = [command, distance];
  }
  return nearest;
}

/** `/invite [NAME…]` */
export function usageOf(command: Command): string {
  return `/${command.name} ${command.usage}`.trimEnd();
}

const KEYS: readonly (readonly [string, string])[] = [
  ["Enter", "send; Alt-Enter, Shift-Enter, Ctrl-J, or Enter after a \\: new line"],
  ["Tab", "complete commands, names and rooms"],
  ["Up Down", "lines, then what you sent before"],
  ["PgUp PgDn", "scroll, as does the wheel; Home and End when nothing is typed"],
  ["Alt-1…9", "go to a room; Alt-Up/Down or Ctrl-P/N: the one before, the next"],
  ["Alt-A", "go to the next room with something new"],
  ["Ctrl-L", "draw the screen again"],
  ["Esc", "close this page, or go back to the newest message"],
  ["Ctrl-C", "twice: quit"],
  ["· ◷ !", "beside your own messages: sent, waiting, not sent"],
];

function helpLines(): string[] {
  const table = (rows: readonly (readonly [string, string])[]) =>
    rows.map(([term, text]) => `${term}\t${text}`);
  const commands = table(COMMANDS.map((command) => [usageOf(command), command.help] as const));
  return [...commands, "", ...table(KEYS), "", "//text sends a message that begins with a slash."];
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const swap = a[row - 1] === b[column - 1] ? 0 : 1;
      current.push(Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + swap));
    }
    previous = current;
  }
  return previous[b.length]!;
}
