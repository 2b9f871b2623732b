/** Times of day and dates in one time zone, in the words of the screen. */
export interface LocalTime {
  /** `14:02` */
  clock(atMs: number): string;
  /** Equal for two times of the same day. */
  day(atMs: number): string;
  /** `Tuesday, 24 November 2026` */
  date(atMs: number): string;
}

/** The machine's time zone, or the named one. */
export function createLocalTime(timeZone?: string): LocalTime {
  const zone = timeZone === undefined ? {} : { timeZone };
  const clock = new Intl.DateTimeFormat("en-GB", {
    ...zone,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const day = new Intl.DateTimeFormat("en-CA", {
    ...zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  });
  const date = new Intl.DateTimeFormat("en-GB", {
    ...zone,
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
  });
  return {
    clock: (atMs) => (timeZone === undefined ? machineClock(atMs) : clock.format(atMs)),
    day: (atMs) => (timeZone === undefined ? machineDay(atMs) : day.format(atMs)),
    date: (atMs) => date.format(atMs).replace(/^(\w+) /, "$1, "),
  };
}

/** `Intl` is 50 times slower than this, and every row has a time. */
function machineClock(atMs: number): string {
  const at = new Date(atMs);
  return `${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
}

function machineDay(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getFullYear()}-${at.getMonth()}-${at.getDate()}`;
}
