import { idText, isName } from "@parley/protocol";
import { liveDevices, verifyAccountChain } from "@parley/trust";
import type { Clock } from "../clock.ts";
import type { Connection } from "../connection/connection.ts";
import { CLOSE } from "../connection/connection.ts";
import type { Connections } from "../connection/connections.ts";
import type { TransparencyLog } from "../log/transparency-log.ts";
import type { AccountRecord, RelayStore, StoreUsage } from "../store/contract.ts";
import type { AccountControls } from "./account-controls.ts";
import { AdminError, disabledRefusal } from "./admin-error.ts";
import { markRepair } from "./repair-mark.ts";

const PAGE = 256;

/** An account, as its operator sees it. */
export interface AdminUser {
  readonly name: string;
  /** Hex. */
  readonly account: string;
  readonly createdAtMs: number;
  readonly sessions: number;
  readonly disabledAtMs?: number | undefined;
  readonly roomQuotaBytes?: number | undefined;
  readonly inboxQuotaBytes?: number | undefined;
}

/** An account with what it costs. */
export interface AdminUserDetail extends AdminUser {
  readonly devices: number;
  readonly chainEntries: number;
  readonly roomBytes: number;
  readonly inboxBytes: number;
}

/** A live device of an account. */
export interface AdminDevice {
  readonly number: number;
  readonly publicKey: string;
  readonly keyPackages: number;
  readonly sessions: number;
}

/** An invite that is not over. */
export interface AdminInvite {
  readonly id: string;
  readonly usesLeft: number;
  readonly expiresAtMs: number;
  /** The account that made it, if it has a name; absent: the operator. */
  readonly inviter?: string | undefined;
}

/** A device that is logged in. */
export interface AdminSession {
  /** For {@link RelayAdmin.endSession}; never used again while the relay runs. */
  readonly id: number;
  readonly name: string;
  readonly device: number;
  readonly sinceMs: number;
}

/** What the relay holds. */
export interface AdminStorage extends StoreUsage {
  readonly logEntries: number;
  readonly awaitsLogRepair: boolean;
}

/**
 * What the operator can do with a running relay. Nothing of it touches an account's chain: who may read what is decided by
 * keys, which the relay has not. Throws {@link AdminError}, and `ProtocolError` `storage-unavailable`.
 */
export class RelayAdmin {
  readonly #store: RelayStore;
  readonly #log: TransparencyLog;
  readonly #connections: Connections;
  readonly #controls: AccountControls;
  readonly #clock: Clock;
  /** One after the other: each replaces the record that the one before has written. */
  #changes: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly store: RelayStore;
    readonly transparencyLog: TransparencyLog;
    readonly connections: Connections;
    readonly controls: AccountControls;
    readonly clock: Clock;
  }) {
    this.#store = options.store;
    this.#log = options.transparencyLog;
    this.#connections = options.connections;
    this.#controls = options.controls;
    this.#clock = options.clock;
  }

  /** In the order of their registration. */
  async *users(): AsyncGenerator<AdminUser> {
    for (let place = 0; ; ) {
      const page = await this.#store.listAccounts(place, PAGE);
      for (const account of page) yield this.#summary(account);
      const last = page.at(-1);
      if (!last) return;
      place = last.place;
    }
  }

  async user(name: string): Promise<AdminUserDetail> {
    const record = await this.#find(name);
    const state = await verifyAccountChain(record.chain, { nowMs: this.#clock.nowMs() });
    return {
      ...this.#summary(record),
      ...(await this.#store.storedBytes(record.account)),
      devices: liveDevices(state).length,
      chainEntries: record.chain.length,
    };
  }

  async devices(name: string): Promise<readonly AdminDevice[]> {
    const { account, chain } = await this.#find(name);
    const state = await verifyAccountChain(chain, { nowMs: this.#clock.nowMs() });
    const devices = liveDevices(state).map(async ({ number, publicKey }) => ({
      number,
      publicKey: publicKey.toHex(),
      keyPackages: await this.#store.keyPackageStock({ account, device: number }),
      sessions: this.#sessionsOf(account).filter(({ device }) => device?.device === number).length,
    }));
    return Promise.all(devices);
  }

  async *invites(): AsyncGenerator<AdminInvite> {
    const nowMs = this.#clock.nowMs();
    for (let after: Uint8Array = new Uint8Array(0); ; ) {
      const page = await this.#store.listInvites(after, PAGE);
      for (const { id, uses, expiresAtMs, inviter } of page) {
        if (expiresAtMs <= nowMs || uses <= 0) continue;
        const name = inviter && ((await this.#store.account(inviter))?.name ?? idText(inviter));
        yield { id: id.toHex(), usesLeft: uses, expiresAtMs, inviter: name };
      }
      const last = page.at(-1);
      if (!last) return;
      after = last.id;
    }
  }

  /** Nobody can use the invite any more. */
  async revokeInvite(id: string): Promise<void> {
    const isId = /^[0-9a-f]{32}$/.test(id);
    if (!isId || !(await this.#store.deleteInvite(Uint8Array.fromHex(id))))
      throw new AdminError("no-such-invite", "there is no such invite");
  }

  /** No device of the account can log in until {@link enable}; those that are logged in are sent away at once. */
  async disable(name: string): Promise<AdminUser> {
    const record = await this.#find(name);
    await this.#change(record.account, { disabledAtMs: this.#clock.nowMs() });
    for (const connection of this.#sessionsOf(record.account))
      connection.refuse(disabledRefusal(), CLOSE.policyViolation);
    return this.#summary(record);
  }

  async enable(name: string): Promise<AdminUser> {
    const record = await this.#find(name);
    await this.#change(record.account, { disabledAtMs: undefined });
    return this.#summary(record);
  }

  /** Limits what is stored of an account; undefined lifts that limit. What is stored already stays. */
  async setQuota(
    name: string,
    {
      roomBytes,
      inboxBytes,
    }: { readonly roomBytes: number | undefined; readonly inboxBytes: number | undefined },
  ): Promise<AdminUser> {
    const record = await this.#find(name);
    await this.#change(record.account, { roomBytes, inboxBytes });
    return this.#summary(record);
  }

  async storage(): Promise<AdminStorage> {
    const usage = await this.#store.usage();
    return { ...usage, logEntries: this.#log.size, awaitsLogRepair: this.#log.awaitsRepair };
  }

  async sessions(): Promise<readonly AdminSession[]> {
    const sessions: AdminSession[] = [];
    for (const { id, device, openedAtMs } of this.#connections.all()) {
      if (!device) continue;
      const name = (await this.#store.account(device.account))?.name ?? idText(device.account);
      sessions.push({ id, name, device: device.device, sinceMs: openedAtMs });
    }
    return sessions.sort((a, b) => a.id - b.id);
  }

  /** The log of a restored relay is whole, or as whole as it will be: it takes new entries from now on. */
  async endRepair(): Promise<void> {
    if (!this.#log.awaitsRepair) throw new AdminError("no-repair", "the log is not waiting for anything");
    await markRepair(this.#store, false);
    this.#log.awaitsRepair = false;
  }

  /** Hangs up on one device. Unless its account is disabled, it may come again. */
  endSession(id: number): void {
    const found = this.#connections.all().find((connection) => connection.id === id && connection.device);
    if (!found) throw new AdminError("no-such-session", "there is no such session");
    found.close(CLOSE.goingAway);
  }

  async #find(name: string): Promise<AccountRecord> {
    const found = isName(name) ? await this.#store.accountByName(name) : undefined;
    if (!found) throw new AdminError("no-such-user", "nobody here has that name");
    return found;
  }

  #change(...change: Parameters<AccountControls["change"]>): Promise<void> {
    const changed = this.#changes.then(() => this.#controls.change(...change));
    this.#changes = changed.catch(() => {});
    return changed;
  }

  #summary({ account, name, createdAtMs }: AccountRecord): AdminUser {
    const { disabledAtMs, roomBytes, inboxBytes } = this.#controls.of(account);
    return {
      name,
      account: idText(account),
      createdAtMs,
      sessions: this.#sessionsOf(account).length,
      disabledAtMs,
      roomQuotaBytes: roomBytes,
      inboxQuotaBytes: inboxBytes,
    };
  }

  #sessionsOf(account: Uint8Array): readonly Connection[] {
    const wanted = idText(account);
    return this.#connections.all().filter(({ device }) => device && idText(device.account) === wanted);
  }
}
