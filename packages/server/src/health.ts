import type { Clock } from "./clock.ts";

const REMEMBERED_MS = 1000;

/** Asks `check` at most once a second, since it costs a write and strangers may ask. */
export function rememberHealth(clock: Clock, check: () => Promise<void>): () => Promise<void> {
  let last: { readonly atMs: number; readonly result: Promise<void> } | undefined;
  return () => {
    const nowMs = clock.nowMs();
    if (!last || nowMs - last.atMs >= REMEMBERED_MS) last = { atMs: nowMs, result: check() };
    return last.result;
  };
}
