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

/** Waits until the chat is connected, or will not be by itself. */
export async function settleConnection(chat: Chat, patience: Patience): Promise<boolean> {
  await waitForChat(
    chat,
    () => ["connected", "stopped", "closed"].includes(chat.snapshot().connection.kind),
    patience,
  );
  return chat.snapshot().connection.kind === "connected";
}
