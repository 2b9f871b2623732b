import { bytesEqual, idText } from "@parley/protocol";
import { chainEntryHash } from "@parley/trust";
import type { ClientStore } from "../store/client-store.ts";
import { decodeRecord, encodeRecord } from "../store/record.ts";
import { entriesOf, standingClaim } from "./log-audit.ts";
import type { LogRecords } from "./log-records.ts";
import type { ReplicaEntry } from "./log-replica.ts";
import { claimOf } from "./log-replica.ts";

const OWN_KEY = "own";

/** Something that must not be in the log, or must. `key` is the same whenever the same thing is found. */
export interface Finding {
  readonly key: string;
  /** One sentence for the person, without a full stop. */
  readonly text: string;
}

/** Watches the log for what concerns this account (trust.md §B, "Own-account monitor"), and for names that are hidden. */
export class LogMonitor {
  readonly #records: LogRecords;
  readonly #store: ClientStore;
  readonly #me: { readonly account: Uint8Array; readonly name: string };
  readonly #ownChain: () => readonly Uint8Array[] | undefined;
  /** Of the sync under way. */
  #suspects: ReplicaEntry[] = [];
  #unreadable = 0;

  constructor(options: {
    readonly records: LogRecords;
    readonly store: ClientStore;
    readonly me: { readonly account: Uint8Array; readonly name: string };
    /** The account's chain as this device made it. */
    readonly ownChain: () => readonly Uint8Array[] | undefined;
  }) {
    this.#records = options.records;
    this.#store = options.store;
    this.#me = options.me;
    this.#ownChain = options.ownChain;
  }

  /** A sync begins; what one that failed has seen counts for nothing. */
  begin(): void {
    this.#suspects = [];
    this.#unreadable = 0;
  }

  /** Looks at one entry as it comes in; what it means is known at the end of the sync. */
  see(logged: ReplicaEntry): void {
    if (!logged.read) this.#unreadable += 1;
    const { account } = logged;
    if (!account) return;
    const mine = bytesEqual(account, this.#me.account);
    const claims = claimOf(logged.read) !== undefined;
    const { provenName } = logged;
    if (mine || (claims && (provenName === undefined || provenName === this.#me.name)))
      this.#suspects.push(logged);
  }

  /** What the sync has brought to light. To be asked when its head is durable. */
  findings(): readonly Finding[] {
    const found: Finding[] = [];
    if (this.#unreadable > 0) {
      found.push({
        key: "unreadable",
        text: "the server's log holds something that is no entry of a key chain",
      });
    }
    const own = this.#ownHashes();
    for (const logged of this.#suspects) {
      const { account } = logged;
      if (!account) continue;
      if (bytesEqual(account, this.#me.account)) {
        const hash = idText(chainEntryHash(logged.entry));
        if (!own.has(hash)) found.push({ key: `own/${hash}`, text: foreignEntryText(logged) });
        continue;
      }
      if (standingClaim(entriesOf(this.#records, account))?.number !== logged.number) continue;
      const short = idText(account).slice(0, 8);
      found.push(
        logged.provenName === undefined
          ? {
              key: `hidden/${idText(account)}`,
              text: `the server hides the name of account ${short}; nobody may use it`,
            }
          : {
              key: `name/${idText(account)}`,
              text: `account ${short} claims your name ${this.#me.name} in the server's log`,
            },
      );
    }
    if (own.size > 0 && entriesOf(this.#records, this.#me.account).length === 0) {
      found.push({ key: "absent", text: "your account's keys are missing from the server's log" });
    }
    return found;
  }

  /** Hashes of the entries of this account's chain that its own device made, fixed at the first sync. */
  #ownHashes(): ReadonlySet<string> {
    const stored = this.#store.get("log-head", OWN_KEY);
    if (stored) return new Set(decodeRecord<{ hashes: readonly string[] }>(stored).hashes);
    const hashes = (this.#ownChain() ?? []).map((entry) => idText(chainEntryHash(entry)));
    if (hashes.length > 0) {
      this.#store.write([
        { kind: "put", collection: "log-head", key: OWN_KEY, value: encodeRecord({ hashes }) },
      ]);
    }
    return new Set(hashes);
  }
}

function foreignEntryText({ read }: ReplicaEntry): string {
  const what = (read && FOREIGN[read.type]) ?? "the keys of your account were changed";
  return `${what}, and not by this device: if it was not you, revoke it`;
}

const FOREIGN: Partial<Record<NonNullable<ReplicaEntry["read"]>["type"], string>> = {
  "device-add": "a device was added to your account",
  "device-revoke": "a device of your account was revoked",
  "account-recover": "somebody used the recovery words of your account",
  "account-close": "your account was closed",
  "handle-set": "the name of your account was changed",
  "handle-release": "the name of your account was given up",
};
