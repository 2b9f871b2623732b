import type { Clock } from "./clock.ts";

interface Appointment {
  readonly atMs: number;
  readonly task: () => void;
}

/** A clock for tests: stands still until it is turned. */
export class HandTurnedClock implements Clock {
  #nowMs: number;
  readonly #appointments = new Set<Appointment>();

  constructor(nowMs = Date.UTC(2026, 10, 24, 12)) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, task: () => void): () => void {
    const appointment = { atMs: this.#nowMs + delayMs, task };
    this.#appointments.add(appointment);
    return () => this.#appointments.delete(appointment);
  }

  /** Moves on by `durationMs` and runs what falls due, in order of time. */
  advance(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      let due: Appointment | undefined;
      for (const appointment of this.#appointments) {
        if (appointment.atMs <= endMs && appointment.atMs < (due?.atMs ?? Infinity)) due = appointment;
      }
      if (!due) break;
      this.#appointments.delete(due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.task();
    }
    this.#nowMs = endMs;
  }
}
