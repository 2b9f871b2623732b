import type { RelayStore } from "../store/contract.ts";

const RECORD = "log-repair";

type MarkStore = Pick<RelayStore, "getRecord" | "putRecord">;

/** Whether a backup was put back and its log neither repaired since, nor taken as it is. */
export async function awaitsRepair(store: MarkStore): Promise<boolean> {
  return ((await store.getRecord(RECORD))?.bytes.length ?? 0) > 0;
}

/** Notes, durably, whether the log awaits its repair. */
export async function markRepair(store: MarkStore, awaited: boolean): Promise<void> {
  for (;;) {
    const version = (await store.getRecord(RECORD))?.version ?? 0;
    if (version === 0 && !awaited) return;
    const bytes = awaited ? Uint8Array.of(1) : new Uint8Array();
    if ((await store.putRecord(RECORD, version, bytes)) !== undefined) return;
  }
}
