import type { DeviceAddress } from "@parley/protocol";
import { idText, ProtocolError } from "@parley/protocol";
import type { AccountState } from "@parley/trust";
import {
  readLeafCredential,
  relationToPin,
  settleAccount,
  TrustError,
  verifyAccountChain,
  verifyLeafCredential,
} from "@parley/trust";
import { ChatError } from "../chat/chat.ts";
import { displayName } from "../chat/display-text.ts";
import type { Clock } from "../connection/clock.ts";
import type { AnswerTo, RelayConnection } from "../connection/connection.ts";
import { ConnectionError } from "../connection/connection.ts";
import type { LogWatch } from "../log/log-watch.ts";
import type { ClientStore, StoreChange } from "../store/client-store.ts";
import { decodeRecord, encodeRecord } from "../store/record.ts";
import { NotAuthorised } from "./authorization.ts";
import type { Directory } from "./directory.ts";
import { DirectoryUnavailable } from "./directory.ts";

/** An account met, as it is kept. From the first look-up on, only what follows from this chain is believed. */
export interface Contact {
  readonly account: Uint8Array;
  readonly name: string;
  readonly nameOpening: Uint8Array;
  readonly chain: readonly Uint8Array[];
}

interface Sought {
  readonly name: string | undefined;
  readonly account: Uint8Array | undefined;
}

/** Stores a contact. */
export function contactChange(contact: Contact): StoreChange {
  return { kind: "put", collection: "contact", key: idText(contact.account), value: encodeRecord(contact) };
}

/** The accounts this client has met, each pinned at first sight to its key chain (trust.md §A2). */
export class AccountDirectory implements Directory {
  readonly #store: ClientStore;
  readonly #clock: Clock;
  readonly #connection: () => RelayConnection | undefined;
  readonly #log: Pick<LogWatch, "requireLogged"> | undefined;
  readonly #contacts = new Map<string, Contact>();
  readonly #states = new Map<string, Promise<AccountState>>();
  /** What {@link #states} came to. */
  readonly #verified = new Map<string, AccountState>();

  constructor(options: {
    readonly store: ClientStore;
    readonly clock: Clock;
    readonly connection: () => RelayConnection | undefined;
    /** What an account must be in before it is believed; absent only where none is looked up. */
    readonly log?: Pick<LogWatch, "requireLogged">;
  }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#connection = options.connection;
    this.#log = options.log;
    for (const [key, value] of options.store.range("contact"))
      this.#contacts.set(key, decodeRecord<Contact>(value));
  }

  contact(account: Uint8Array): Contact | undefined {
    return this.#contacts.get(idText(account));
  }

  nameOf(account: Uint8Array): string {
    const contact = this.contact(account);
    return contact ? displayName(contact.name) : `account ${idText(account).slice(0, 8)}`;
  }

  addressOf(identity: Uint8Array): DeviceAddress {
    try {
      return readLeafCredential(identity).device;
    } catch (error) {
      if (error instanceof TrustError) throw new NotAuthorised("a leaf without a credential of ours");
      throw error;
    }
  }

  async requireLeaf(identity: Uint8Array, signatureKey: Uint8Array, entering: boolean): Promise<void> {
    const device = this.addressOf(identity);
    const known = await this.#stateOf(device.account);
    const fresh = known.devices.some(({ number }) => number === device.device)
      ? known
      : await this.#fetchState(device.account);
    try {
      const verdict = await verifyLeafCredential(identity, signatureKey, fresh);
      if (verdict.status === "revoked" && entering) throw new NotAuthorised("a device that was revoked");
    } catch (error) {
      if (error instanceof TrustError)
        throw new NotAuthorised(`a key that is not of ${this.nameOf(device.account)}`);
      throw error;
    }
  }

  /** The public key of a device, live or not; undefined when the account has no such device. */
  async deviceKey({ account, device }: DeviceAddress): Promise<Uint8Array | undefined> {
    const find = (state: AccountState) => state.devices.find(({ number }) => number === device)?.publicKey;
    return find(await this.#stateOf(account)) ?? find(await this.#fetchState(account));
  }

  /** Looks a person up by name. Throws ChatError `no-such-person`, `offline`, `refused`. */
  async byName(name: string): Promise<Contact> {
    try {
      const answer = await this.#ask({ name, account: undefined });
      const known = [...this.#contacts.values()].find((contact) => contact.name === name);
      if (known && idText(known.account) !== idText(answer.account)) {
        throw new ChatError(
          "refused",
          `the relay now gives another account for ${name} than the one you know`,
        );
      }
      return await this.#accept(answer);
    } catch (error) {
      if (error instanceof ProtocolError && error.code === "not-found") {
        throw new ChatError("no-such-person", `nobody here is called ${name}`);
      }
      if (error instanceof DirectoryUnavailable)
        throw new ChatError("offline", "not connected: this needs the relay");
      if (error instanceof NotAuthorised) throw new ChatError("refused", error.message);
      throw error;
    }
  }

  /** Takes a contact into memory that is on disk now. */
  adopt(contact: Contact): void {
    this.#contacts.set(idText(contact.account), contact);
  }

  contacts(): readonly Contact[] {
    return [...this.#contacts.values()];
  }

  /** The account's verified chain, as it stands now; from the relay only when it is not known. */
  async state(account: Uint8Array): Promise<AccountState> {
    return settleAccount(await this.#stateOf(account), this.#clock.nowMs());
  }

  /** The account's verified chain, fresh from the relay. Throws NotAuthorised, `DirectoryUnavailable`. */
  async freshState(account: Uint8Array): Promise<AccountState> {
    return settleAccount(await this.#fetchState(account), this.#clock.nowMs());
  }

  /** What {@link state} gives, if it was verified since the start. */
  verifiedState(account: Uint8Array): AccountState | undefined {
    const state = this.#verified.get(idText(account));
    return state && settleAccount(state, this.#clock.nowMs());
  }

  /** Looks up those of `accounts` that are not known yet, as after a look-up that could not be stored. */
  async meet(accounts: Iterable<Uint8Array>): Promise<void> {
    for (const account of accounts) if (!this.contact(account)) await this.#fetchState(account);
  }

  /** The account's verified state, from memory, from the store, or from the relay. */
  #stateOf(account: Uint8Array): Promise<AccountState> {
    const text = idText(account);
    let state = this.#states.get(text);
    if (!state) {
      const contact = this.#contacts.get(text);
      state = contact ? this.#verify(contact) : this.#fetchState(account);
      this.#states.set(text, state);
      const isNewest = () => this.#states.get(text) === state;
      state.then(
        (verified) => void (isNewest() && this.#verified.set(text, verified)),
        () => this.#states.delete(text),
      );
    }
    return state;
  }

  async #fetchState(account: Uint8Array): Promise<AccountState> {
    try {
      const contact = await this.#accept(await this.#ask({ name: undefined, account }));
      return await this.#verify(contact);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.code === "not-found") throw new NotAuthorised("an account the relay does not know");
      throw new DirectoryUnavailable(error.message);
    }
  }

  /** An account whose chain grew between the two answers is asked for again. */
  async #ask(whom: Sought): Promise<AnswerTo<"account">> {
    const answer = await this.#askOnce(whom);
    if (!this.#log || (await this.#log.requireLogged(answer))) return answer;
    const again = await this.#askOnce(whom);
    if (await this.#log.requireLogged(again)) return again;
    throw new NotAuthorised("older keys than the server's log holds");
  }

  async #askOnce(whom: Sought): Promise<AnswerTo<"account">> {
    const connection = this.#connection();
    if (!connection) throw new DirectoryUnavailable("not connected");
    try {
      return await connection.request({ kind: "look-up", ...whom }, "account");
    } catch (error) {
      if (error instanceof ConnectionError) throw new DirectoryUnavailable(error.message);
      throw error;
    }
  }

  /** Believes an answer only if it verifies and follows from what is known of the account. */
  async #accept(answer: AnswerTo<"account">): Promise<Contact> {
    const text = idText(answer.account);
    const known = this.#contacts.get(text);
    const contact: Contact = {
      account: answer.account.slice(),
      name: answer.name,
      nameOpening: answer.nameOpening.slice(),
      chain: answer.chain.map((entry) => entry.slice()),
    };
    const state = await this.#verify(contact);
    if (idText(state.accountId) !== text) throw new NotAuthorised("the relay answered with another account");
    if (known) {
      const relation = relationToPin(await this.#verify(known), state.entryHashes);
      if (relation === "forked")
        throw new NotAuthorised(`another history of ${this.nameOf(answer.account)}'s keys`);
      if (relation === "shorter") return known;
      if (relation === "same" && known.name === contact.name) return known;
    }
    this.#store.write([contactChange(contact)]);
    this.adopt(contact);
    this.#states.set(text, Promise.resolve(state));
    this.#verified.set(text, state);
    return contact;
  }

  async #verify({ chain, name, nameOpening }: Contact): Promise<AccountState> {
    try {
      return await verifyAccountChain(chain, { nowMs: this.#clock.nowMs(), name, nameOpening });
    } catch (error) {
      if (error instanceof TrustError)
        throw new NotAuthorised(`an account whose keys do not hold (${error.code})`);
      throw error;
    }
  }
}
