import type { Chat } from "@parley/client";

/** How long to wait for a chat, and what ends the wait before. */
export interface Patience {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Resolves true once `condition` holds, looking again after each change of the snapshot (and of `room`'s timeline, when
 * given); false when the time is over or `signal` fires.
 */
export async function waitForChat(
  chat: Chat,
  condition: () => boolean,
  { timeoutMs, signal, room }: Patience & { readonly room?: string },
): Promise<boolean> {
  if (condition()) return true;
  const done = Promise.withResolvers<boolean>();
  const look = (): void => {
    if (condition()) done.resolve(true);
  };
  const giveUp = (): void => done.resolve(false);
  const stops = [chat.subscribe(look), ...(room === undefined ? [] : [chat.subscribeTimeline(room, look)])];
  const timer = setTimeout(giveUp, timeoutMs);
  signal?.addEventListener("abort", giveUp);
  if (signal?.aborted) giveUp();
  try {
    return await done.promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
    for (const stop of stops) stop();
  }
}

/** A fresh connection first brings what was missed; it is taken for done when nothing has changed for this long. */
const QUIET_MS = 300;
const FRESH_MS = 2_000;

/** Waits until the chat is connected and has caught up, or will not be connected by itself. */
export async function settleConnection(chat: Chat, { timeoutMs, signal }: Patience): Promise<boolean> {
  const deadlineMs = Date.now() + timeoutMs;
  const settled = () => ["connected", "stopped", "closed"].includes(chat.snapshot().connection.kind);
  await waitForChat(chat, settled, { timeoutMs, signal });
  const { connection } = chat.snapshot();
  if (connection.kind !== "connected") return false;
  if (Date.now() - connection.sinceMs < FRESH_MS) await waitForQuiet(chat, deadlineMs);
  return true;
}

async function waitForQuiet(chat: Chat, deadlineMs: number): Promise<void> {
  const leftMs = deadlineMs - Date.now();
  if (leftMs <= 0) return;
  const before = chat.snapshot();
  const changed = await waitForChat(chat, () => chat.snapshot() !== before, {
    timeoutMs: Math.min(QUIET_MS, leftMs),
  });
  if (changed) await waitForQuiet(chat, deadlineMs);
}
