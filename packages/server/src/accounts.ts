import type { DeviceAddress } from "@parley/protocol";
import { bytesEqual, idText } from "@parley/protocol";
import type { AccountDevice, AccountState } from "@parley/trust";
import { liveDevices, settleAccount, verifyAccountChain } from "@parley/trust";
import type { Clock } from "./clock.ts";
import type { AccountRecord, AccountStore } from "./store/contract.ts";

const REMEMBERED_ACCOUNTS = 10_000;

interface Remembered {
  readonly state: AccountState;
  readonly lastEntry: Uint8Array;
}

/** What the key chains in the store say of accounts. Chains are checked once and remembered while they do not grow. */
export class Accounts {
  readonly #store: AccountStore;
  readonly #clock: Clock;
  readonly #remembered = new Map<string, Remembered>();

  constructor(store: AccountStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The live devices of an account; `undefined` when there is no such account. */
  async liveDevices(account: Uint8Array): Promise<readonly DeviceAddress[] | undefined> {
    const record = await this.#store.account(account);
    if (!record) return undefined;
    const devices = liveDevices(await this.stateOf(record));
    return devices.map(({ number }) => ({ account: record.account, device: number }));
  }

  /** A device that may act, with its account's name; `undefined` when unknown or revoked. */
  async find({
    account,
    device,
  }: DeviceAddress): Promise<(AccountDevice & { accountName: string }) | undefined> {
    const record = await this.#store.account(account);
    if (!record) return undefined;
    const found = liveDevices(await this.stateOf(record)).find(({ number }) => number === device);
    return found && { ...found, accountName: record.name };
  }

  /** What the chain of a record says now. Throws `TrustError` when it does not hold. */
  async stateOf({ account, chain }: AccountRecord): Promise<AccountState> {
    const nowMs = this.#clock.nowMs();
    const key = idText(account);
    const lastEntry = chain.at(-1) ?? new Uint8Array();
    const remembered = this.#remembered.get(key);
    if (remembered?.state.length === chain.length && bytesEqual(remembered.lastEntry, lastEntry)) {
      return settleAccount(remembered.state, nowMs);
    }
    const state = await verifyAccountChain(chain, { nowMs });
    const oldest = this.#remembered.keys().next().value;
    if (this.#remembered.size >= REMEMBERED_ACCOUNTS && oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(key, { state, lastEntry: lastEntry.slice() });
    return settleAccount(state, nowMs);
  }
}
