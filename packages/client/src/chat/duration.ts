const UNITS = [
  ["w", "week", 7 * 24 * 3_600_000],
  ["d", "day", 24 * 3_600_000],
  ["h", "hour", 3_600_000],
  ["m", "minute", 60_000],
  ["s", "second", 1_000],
] as const;

/** A span of time in its largest whole unit: "2 days". */
export function durationText(ms: number): string {
  const [, name, unitMs] = UNITS.find(([, , size]) => ms >= size && ms % size === 0) ?? UNITS[4];
  const count = Math.round(ms / unitMs);
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}

/** Milliseconds of "30s", "5m", "8h", "1d", "4w"; undefined when it is none of these. */
export function parseDuration(text: string): number | undefined {
  const [, count, letter] = /^([1-9][0-9]{0,5})\s*([smhdw])$/.exec(text.trim().toLowerCase()) ?? [];
  const unit = UNITS.find(([short]) => short === letter);
  return unit && Number(count) * unit[2];
}
