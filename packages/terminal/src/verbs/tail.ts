import { CommandFailure } from "../command-failure.ts";
import { openAccount } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { itemText } from "../item-text.ts";
import type { VerbContext } from "../program.ts";
import { createLocalTime } from "../screen/local-time.ts";

interface TailOptions {
  readonly json?: boolean;
  readonly follow?: boolean;
  readonly since?: string;
  readonly count: number;
}

/** Of a span of time, everything is shown. */
const SINCE_LIMIT = 100_000;

/** `parley tail ROOM`: messages as lines, or as JSON objects; with `--follow` until it is interrupted. */
export async function runTail(
  { folder, password, streams, signal }: VerbContext,
  room: string,
  { json, follow = false, since, count }: TailOptions,
): Promise<ExitCode> {
  const sinceMs = since === undefined ? undefined : parseSince(since, Date.now());
  const time = createLocalTime();
  await using account = await openAccount(folder, password);
  const request = { room, limit: sinceMs === undefined ? count : SINCE_LIMIT, sinceMs, follow };
  for await (const item of account.api.timeline(request, signal)) {
    await streams.print(json ? JSON.stringify(item) : itemText(item, time));
  }
  return EXIT_CODES.ok;
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30m`, `14:00` (the last one), or a date that `Date` reads. A CommandFailure for anything else. */
export function parseSince(text: string, nowMs: number): number {
  const span = /^(\d+)([smhd])$/.exec(text);
  if (span) return nowMs - Number(span[1]) * UNITS_MS[span[2]!]!;
  const clock = /^(\d{1,2}):(\d{2})$/.exec(text);
  if (clock) {
    const at = new Date(nowMs);
    at.setHours(Number(clock[1]), Number(clock[2]), 0, 0);
    return at.getTime() > nowMs ? at.getTime() - UNITS_MS["d"]! : at.getTime();
  }
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) throw new CommandFailure(`I cannot read "${text}" as a time`, EXIT_CODES.usage);
  return atMs;
}
