import { idText } from "@parley/protocol";
import * as z from "zod/mini";
import type { RelayStore } from "../store/contract.ts";

const RECORD = "account-controls";

const control = z.object({
  disabledAtMs: z.optional(z.int()),
  roomBytes: z.optional(z.int()),
  inboxBytes: z.optional(z.int()),
});
const table = z.record(z.string(), control);

/** What the operator has laid down for an account. Absent: nothing. */
export interface AccountControl {
  readonly disabledAtMs?: number | undefined;
  /** How much of it may be stored in rooms. */
  readonly roomBytes?: number | undefined;
  /** How much may wait in its inboxes. */
  readonly inboxBytes?: number | undefined;
}

/** The operator's word on accounts: one record of the store, in memory while the relay runs. It says nothing of keys. */
export class AccountControls {
  readonly #store: Pick<RelayStore, "getRecord" | "putRecord">;
  #version: number;
  #table: ReadonlyMap<string, AccountControl>;

  private constructor(
    store: Pick<RelayStore, "getRecord" | "putRecord">,
    version: number,
    entries: ReadonlyMap<string, AccountControl>,
  ) {
    this.#store = store;
    this.#version = version;
    this.#table = entries;
  }

  static async load(store: Pick<RelayStore, "getRecord" | "putRecord">): Promise<AccountControls> {
    const { version = 0, bytes } = (await store.getRecord(RECORD)) ?? {};
    const found = bytes ? table.parse(JSON.parse(new TextDecoder().decode(bytes))) : {};
    return new AccountControls(store, version, new Map(Object.entries(found)));
  }

  of(account: Uint8Array): AccountControl {
    return this.#table.get(idText(account)) ?? {};
  }

  /** Changes some of it, durably; undefined takes a thing away. */
  async change(account: Uint8Array, change: AccountControl): Promise<void> {
    const entries = new Map(this.#table);
    entries.set(idText(account), { ...this.of(account), ...change });
    const bytes = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
    for (;;) {
      const version = await this.#store.putRecord(RECORD, this.#version, bytes);
      if (version !== undefined) {
        this.#version = version;
        this.#table = entries;
        return;
      }
      // This is the record's only writer: a write whose outcome was unknown has come through.
      this.#version = (await this.#store.getRecord(RECORD))?.version ?? 0;
    }
  }
}
