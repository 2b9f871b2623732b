const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

/** `2 March 2026`, in UTC. */
export function dateText(atMs: number): string {
  const date = new Date(atMs);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

/** `March`, and `March 2025` when `nowMs` is in another year; in UTC. */
export function monthText(atMs: number, nowMs: number): string {
  const date = new Date(atMs);
  const month = MONTHS[date.getUTCMonth()] ?? "";
  const year = date.getUTCFullYear();
  return year === new Date(nowMs).getUTCFullYear() ? month : `${month} ${year}`;
}

/** `14:02`, in UTC. */
export function timeText(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 16);
}
