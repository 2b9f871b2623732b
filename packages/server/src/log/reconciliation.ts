import type { AccountStore } from "../store/contract.ts";
import { loggedChain } from "./logged-entry.ts";
import type { TransparencyLog } from "./transparency-log.ts";

const PAGE_ACCOUNTS = 512;

/**
 * Brings the log up to the store at start: the server's own chain first, then the chains of all accounts in the order of
 * their registration. Entries that are in the log already stay where they are, so a crash between store and log heals.
 */
export async function reconcileLog(
  log: TransparencyLog,
  { serverChain, store }: { readonly serverChain: readonly Uint8Array[]; readonly store: AccountStore },
): Promise<void> {
  await log.append(serverChain.map((entry) => ({ entry })));
  let place = 0;
  for (;;) {
    const accounts = await store.listAccounts(place, PAGE_ACCOUNTS);
    if (accounts.length === 0) return;
    await log.append(accounts.flatMap(loggedChain));
    place = accounts.at(-1)?.place ?? place;
  }
}
