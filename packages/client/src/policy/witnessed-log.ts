import { idText } from "@parley/protocol";
import type { LedgerPolicy } from "@parley/trust";
import type { PolicyVerdict } from "@parley/trust/tlog";
import { evaluatePolicy, MAX_CLOCK_SKEW_SECONDS, noteVerifier, TlogError } from "@parley/trust/tlog";
import type { WitnessStatus } from "../chat/chat.ts";
import type { Clock } from "../connection/clock.ts";
import { entriesOf } from "../log/log-audit.ts";
import type { LogRecords, ReplicaHead } from "../log/log-records.ts";
import type { ClientStore } from "../store/client-store.ts";
import { decodeRecord, encodeRecord } from "../store/record.ts";
import type { TrustSettings } from "./trust-settings.ts";
import type { WitnessPolicy } from "./witness-policy.ts";
import { isAcceptedLog } from "./witness-policy.ts";

const WITNESSED_KEY = "witnessed";
const KNOWN_PREFIX = "known/";

/** How far, and when last, the user's witnesses signed what this device has of the log. */
interface Witnessed {
  /** Of the policy that was met. */
  readonly policy: string;
  /** Entries below this number are theirs. */
  readonly size: number;
  /** When the quorum had last signed, by its own clocks. */
  readonly atMs: number;
}

/**
 * How the log stands with the user's witnesses: `none` are set; the quorum never signed what this device has (`unmet`);
 * it signed lately (`fresh`), more than a day ago (`old`), or so long ago that new keys are not believed (`stale`).
 */
export type WitnessStanding =
  | { readonly kind: "none" }
  | { readonly kind: "unmet"; readonly quorum: string }
  | {
      readonly kind: "fresh" | "old" | "stale";
      readonly quorum: string;
      readonly size: number;
      readonly atMs: number;
    };

/**
 * Holds the checkpoints of the replica against the user's witnesses (trust.md §A5, "`ledger` for users"). Time is the
 * witnesses': a server that shows an old checkpoint for ever makes it stale, whatever it says itself.
 */
export class WitnessedLog {
  readonly #store: ClientStore;
  readonly #clock: Clock;
  readonly #records: LogRecords;
  readonly #settings: TrustSettings;
  /** Accounts that were met, and that the witnesses have not signed yet. */
  readonly #waiting = new Map<string, Uint8Array>();
  #witnessed: Witnessed | undefined;

  constructor(options: {
    readonly store: ClientStore;
    readonly clock: Clock;
    readonly records: LogRecords;
    readonly settings: TrustSettings;
  }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#records = options.records;
    this.#settings = options.settings;
    const value = options.store.get("log-head", WITNESSED_KEY);
    this.#witnessed = value && decodeRecord<Witnessed>(value);
  }

  get standing(): WitnessStanding {
    const { witnesses, policy } = this.#settings;
    if (!witnesses) return { kind: "none" };
    const { text: quorum } = witnesses;
    const witnessed = this.#current(witnesses);
    if (!witnessed) return { kind: "unmet", quorum };
    const { size, atMs } = witnessed;
    return { kind: freshness(this.#clock.nowMs() - atMs, policy.ledger), quorum, size, atMs };
  }

  /** Whether the newest entry that this device has is still without the quorum. */
  get isBehind(): boolean {
    const { standing } = this;
    if (standing.kind === "none") return false;
    const size = this.#records.head?.size ?? 0;
    return standing.kind === "unmet" || standing.size < size;
  }

  /** Looks at the signatures of the newest checkpoint. @returns whether the quorum now covers more, or is fresher. */
  async judge(): Promise<boolean> {
    const { witnesses } = this.#settings;
    const { head } = this.#records;
    if (!witnesses || !head) return false;
    const atMs = await quorumTimeMs(witnesses, { head, nowMs: this.#clock.nowMs() });
    if (atMs === undefined || this.#settings.witnesses !== witnesses) return false;
    const before = this.#current(witnesses);
    const { size } = head;
    if (before && before.size >= size && before.atMs >= atMs) return false;
    // Clocks of witnesses differ a little; one that signs more of the log at an earlier time is not believed.
    if (before && atMs < before.atMs - MAX_CLOCK_SKEW_SECONDS * 1000) return false;
    this.#witnessed = {
      policy: witnesses.id,
      size: Math.max(size, before?.size ?? 0),
      atMs: Math.max(atMs, before?.atMs ?? 0),
    };
    const value = encodeRecord(this.#witnessed);
    this.#store.write([{ kind: "put", collection: "log-head", key: WITNESSED_KEY, value }]);
    for (const account of [...this.#waiting.values()]) this.met(account);
    return true;
  }

  /** The user's witnesses, with the times at which they signed the newest checkpoint. */
  async signatures(): Promise<readonly WitnessStatus[]> {
    const { witnesses } = this.#settings;
    const { head } = this.#records;
    if (!witnesses) return [];
    const verdict = head && (await verdictOn(witnesses, { head, nowMs: this.#clock.nowMs() }));
    return witnesses.policy.witnesses.map((witness) => {
      const seconds = verdict?.cosigned.get(witness);
      const { name, url } = witness;
      return { name, url, signedAtMs: seconds === undefined ? undefined : seconds * 1000 };
    });
  }

  /** An account was held against the log and found there. Once the witnesses have signed its keys, they are known. */
  met(account: Uint8Array): void {
    if (this.#settings.witnesses === undefined) return;
    const key = idText(account);
    if (!this.covers(account)) {
      this.#waiting.set(key, account);
      return;
    }
    this.#waiting.delete(key);
    const entries = entriesOf(this.#records, account).length;
    if (this.#knownEntries(key) >= entries) return;
    this.#store.write([
      { kind: "put", collection: "log-head", key: KNOWN_PREFIX + key, value: encodeRecord({ entries }) },
    ]);
  }

  /** Whether the witnesses have signed, lately enough, the log with all of the account's entries. */
  covers(account: Uint8Array): boolean {
    const { standing } = this;
    if (standing.kind !== "fresh" && standing.kind !== "old") return false;
    const entries = entriesOf(this.#records, account);
    return entries.length > 0 && entries.every(({ number }) => number < standing.size);
  }

  /** Whether all of the account's entries were covered at some time before. */
  knows(account: Uint8Array): boolean {
    const entries = entriesOf(this.#records, account).length;
    return entries > 0 && this.#knownEntries(idText(account)) >= entries;
  }

  #knownEntries(key: string): number {
    const value = this.#store.get("log-head", KNOWN_PREFIX + key);
    return value ? decodeRecord<{ entries: number }>(value).entries : 0;
  }

  #current({ id }: WitnessPolicy): Witnessed | undefined {
    return this.#witnessed?.policy === id ? this.#witnessed : undefined;
  }
}

function freshness(ageMs: number, { warnAfterMs, refuseAfterMs }: LedgerPolicy): "fresh" | "old" | "stale" {
  if (ageMs >= refuseAfterMs) return "stale";
  return ageMs >= warnAfterMs ? "old" : "fresh";
}

interface ShownCheckpoint {
  readonly head: Pick<ReplicaHead, "note" | "vkey">;
  readonly nowMs: number;
}

/** When the quorum had signed a checkpoint; undefined when it has not. */
async function quorumTimeMs(witnesses: WitnessPolicy, shown: ShownCheckpoint): Promise<number | undefined> {
  const seconds = (await verdictOn(witnesses, shown))?.quorumTimeSeconds;
  return seconds === undefined ? undefined : seconds * 1000;
}

async function verdictOn(
  witnesses: WitnessPolicy,
  { head, nowMs }: ShownCheckpoint,
): Promise<PolicyVerdict | undefined> {
  if (!isAcceptedLog(witnesses, head.vkey)) return undefined;
  try {
    return await evaluatePolicy({
      policy: witnesses.policy,
      checkpoint: head.note,
      nowSeconds: Math.floor(nowMs / 1000),
      log: noteVerifier(head.vkey),
    });
  } catch (error) {
    // What a server puts on its checkpoint under a witness's name, and is none of it, counts for nothing.
    if (error instanceof TlogError) return undefined;
    throw error;
  }
}
