import type { Clock } from "../../connection/clock.ts";
import { systemClock } from "../../connection/clock.ts";
import { prepareSocketPath } from "./address.ts";
import type { LocalAttachment } from "./attachment.ts";
import { attach } from "./attachment.ts";
import { LocalSocketError } from "./errors.ts";
import type { LocalOwner } from "./owner.ts";
import { startOwner } from "./owner.ts";
import { tryLockStore } from "./store-lock.ts";

const RETRY_MS = 20;
/** How long a process may hold the lock without listening: it starts, or it ends. */
const PATIENCE_MS = 10_000;

/** What {@link openOrAttach} needs. */
export interface OpenOptions {
  /** The account's folder; made if missing, and made this user's alone. */
  readonly folder: string;
  readonly clock?: Clock;
}

/**
 * Makes this process the one writer of the store in `folder`, or attaches to the process that is (design §5.11).
 * Safe against two starters at once, and against an owner that was killed. Throws LocalSocketError `busy` when somebody
 * holds the store for ten seconds without answering, `unsafe-folder`, or `malformed` (another version).
 */
export async function openOrAttach({
  folder,
  clock = systemClock,
}: OpenOptions): Promise<LocalOwner | LocalAttachment> {
  const path = prepareSocketPath(folder);
  const deadlineMs = clock.nowMs() + PATIENCE_MS;
  for (;;) {
    const lock = tryLockStore(folder);
    if (lock) return startOwner(path, lock);
    const attachment = await attach(path, clock);
    if (attachment) return attachment;
    if (clock.nowMs() >= deadlineMs) {
      throw new LocalSocketError("busy", "Another Parley holds this account but does not answer");
    }
    await new Promise<void>((resolve) => {
      clock.setTimer(RETRY_MS, resolve);
    });
  }
}
