import { ProtocolError } from "@parley/protocol";
import type { Clock } from "./clock.ts";
import type { RelayStore } from "./store/contract.ts";

const REMEMBERED_MS = 1000;

/**
 * @returns what rejects when the relay stops or its store cannot write. The store is asked at most once a second, since
 *   that costs a write and strangers may ask.
 */
export function healthCheck(store: RelayStore, clock: Clock, isDraining: () => boolean): () => Promise<void> {
  let last: { readonly atMs: number; readonly result: Promise<void> } | undefined;
  return async () => {
    if (isDraining()) throw new ProtocolError("shutting-down");
    const nowMs = clock.nowMs();
    if (!last || nowMs - last.atMs >= REMEMBERED_MS) last = { atMs: nowMs, result: store.checkHealth() };
    await last.result;
  };
}
