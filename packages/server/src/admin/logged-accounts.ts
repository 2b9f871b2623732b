import { idText, ProtocolError } from "@parley/protocol";
import { chainEntryHash, decodeChainEntry, TrustError, verifyAccountChain } from "@parley/trust";
import type { NameOpening } from "../log/logged-entry.ts";
import type { TransparencyLog } from "../log/transparency-log.ts";
import type { RelayStore } from "../store/contract.ts";

const PAGE_ENTRIES = 256;

interface LostAccount {
  readonly account: Uint8Array;
  readonly opening: NameOpening | undefined;
  readonly chain: Uint8Array[];
}

/** What of the log had to be put into the store. */
export interface BroughtBack {
  readonly accounts: number;
  /** Their chain does not hold, or nobody knows the name that it claims: they are in the log only. */
  readonly unusable: number;
}

/**
 * Gives the store the accounts, and the entries of its accounts' chains, that the log has from number `from` on and the
 * store lacks. May be repeated.
 */
export async function bringAccountsBack({
  store,
  log,
  from,
  nowMs,
}: {
  readonly store: RelayStore;
  readonly log: TransparencyLog;
  readonly from: number;
  readonly nowMs: number;
}): Promise<BroughtBack> {
  const lost = new Map<string, LostAccount>();
  for (let number = from; number < log.size; ) {
    const { entries } = log.read(number, PAGE_ENTRIES);
    for (const { entry, opening } of entries) {
      const { type, subject } = decodeChainEntry(entry);
      if (type.startsWith("server-")) continue;
      const account = type === "account-genesis" ? chainEntryHash(entry) : subject;
      if (!account) continue;
      const known = lost.get(idText(account));
      if (known) known.chain.push(entry);
      else if (await store.account(account)) await extend(store, account, entry);
      else if (type === "account-genesis") lost.set(idText(account), { account, opening, chain: [entry] });
    }
    number += entries.length;
  }
  let accounts = 0;
  for (const one of lost.values()) if (await create(store, one, nowMs)) accounts += 1;
  return { accounts, unusable: lost.size - accounts };
}

async function extend(store: RelayStore, account: Uint8Array, entry: Uint8Array): Promise<void> {
  const chain = (await store.account(account))?.chain ?? [];
  const hash = idText(chainEntryHash(entry));
  if (chain.some((known) => idText(chainEntryHash(known)) === hash)) return;
  await store.appendAccountEntry(account, chain.length, entry);
}

async function create(
  store: RelayStore,
  { account, opening, chain }: LostAccount,
  nowMs: number,
): Promise<boolean> {
  if (!opening) return false;
  const { name, opening: nameOpening } = opening;
  try {
    await verifyAccountChain(chain, { nowMs, name, nameOpening });
    await store.createAccount({ account, name, nameOpening, chain, nowMs });
    return true;
  } catch (error) {
    const refused = error instanceof ProtocolError && !error.retryable;
    if (refused || error instanceof TrustError) return false;
    throw error;
  }
}
