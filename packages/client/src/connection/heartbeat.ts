import type { Clock } from "./clock.ts";

/** Silence after which the relay is asked whether it is there. */
export const SILENCE_MS = 30_000;
/** Silence after that question which ends the connection. */
export const ANSWER_MS = 15_000;

/** Watches for silence. */
export interface Heartbeat {
  /** Something arrived. */
  heard(): void;
  /** Nothing is read from here on, so silence means nothing until {@link heard}. */
  suspend(): void;
  stop(): void;
}

interface HeartbeatEvents {
  /** Asks for a sign of life; the answer shows as {@link Heartbeat.heard}. */
  readonly ping: () => void;
  readonly onSilence: () => void;
}

/** Starts to watch. One timer at a time: hearing something costs no timer. */
export function startHeartbeat(clock: Clock, events: HeartbeatEvents): Heartbeat {
  let lastHeardMs = clock.nowMs();
  let suspended = false;
  let cancel = clock.setTimer(SILENCE_MS, check);

  function check(): void {
    const silentMs = clock.nowMs() - lastHeardMs;
    if (suspended || silentMs < SILENCE_MS) {
      const restMs = suspended || silentMs < 0 ? SILENCE_MS : SILENCE_MS - silentMs;
      cancel = clock.setTimer(restMs, check);
      return;
    }
    const askedMs = lastHeardMs;
    cancel = clock.setTimer(ANSWER_MS, () => {
      if (suspended || lastHeardMs !== askedMs) check();
      else events.onSilence();
    });
    events.ping();
  }

  return {
    heard() {
      suspended = false;
      lastHeardMs = clock.nowMs();
    },
    suspend() {
      suspended = true;
    },
    stop: () => cancel(),
  };
}
