import { bytesEqual, LIMITS, ProtocolError } from "@parley/protocol";
import type { AccountState } from "@parley/trust";
import { appendAccountEntry, CLOCK_SKEW_MS, decodeChainEntry, liveDevices, TrustError } from "@parley/trust";
import { loggedChain } from "../log/logged-entry.ts";
import type { Handler } from "./call.ts";
import { DONE } from "./call.ts";

/** docs/protocol.md §4.18. Repeating it completes what a fault has cut short. */
export const appendEntry: Handler<"append-account-entry"> = async ({ entry }, { services, session }) => {
  const { store, accounts, transparencyLog, clock } = services;
  if (transparencyLog.awaitsRepair) throw new ProtocolError("storage-unavailable");
  const { account, device: own } = session.device;
  const record = await store.account(account);
  if (!record) throw new ProtocolError("not-found");
  const { chain } = record;
  if (!chain.some((held) => bytesEqual(held, entry))) {
    const state = await grown(await accounts.stateOf(record), entry, clock.nowMs());
    if (liveDevices(state).length > LIMITS.devicesPerAccount) throw new ProtocolError("too-large");
    await store.appendAccountEntry(account, chain.length, entry);
  }
  const revoked = revokedBy(entry);
  if (revoked !== undefined && revoked !== own) services.hangUp({ account, device: revoked });
  await transparencyLog.append(loggedChain({ ...record, chain: [entry] }));
  return revoked === own ? { ...DONE, afterwards: () => services.hangUp(session.device) } : DONE;
};

/** A new name is not taken here: it would have to be claimed first. */
async function grown(state: AccountState, entry: Uint8Array, nowMs: number): Promise<AccountState> {
  try {
    if (decodeChainEntry(entry).type === "handle-set") throw new ProtocolError("chain-invalid", "handle-set");
    return await appendAccountEntry(state, entry, { nowMs, maxAgeMs: CLOCK_SKEW_MS });
  } catch (error) {
    if (error instanceof TrustError) throw new ProtocolError("chain-invalid", error.code);
    throw error;
  }
}

function revokedBy(entry: Uint8Array): number | undefined {
  const { type, body } = decodeChainEntry(entry);
  return type === "device-revoke" ? body.device : undefined;
}
