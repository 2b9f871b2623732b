import { appendFileSync } from "node:fs";

/** Faults that nobody waits for, kept beside the account for a bug report: class and place, never the message. */
export class FaultLog {
  static readonly LIMIT = 100;
  readonly #file: string;
  #count = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** Writes one line; a process writes at most {@link FaultLog.LIMIT}. */
  write(error: unknown): void {
    this.#count += 1;
    if (this.#count > FaultLog.LIMIT) return;
    try {
      appendFileSync(this.#file, `${new Date().toISOString()} ${faultText(error)}\n`, { mode: 0o600 });
    } catch {
      // A full disk is told by what fails with it.
    }
  }
}

/** A message could quote what people wrote; the frames say where it was. */
function faultText(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const cause = error.cause === undefined ? "" : ` because of ${faultText(error.cause)}`;
  return `${error.name} ${frames.map((line) => line.trim()).join(" < ")}${cause}`;
}
