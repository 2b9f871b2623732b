import { bytesEqual, idText } from "@parley/protocol";
import { TrustError, verifyAccountChain } from "@parley/trust";
import type { LogRecords } from "./log-records.ts";
import type { ReplicaEntry } from "./log-replica.ts";
import { claimOf, understood } from "./log-replica.ts";

/** An account as the relay answered a look-up, its chain already verified. */
export interface LookedUpAccount {
  readonly account: Uint8Array;
  readonly name: string;
  readonly chain: readonly Uint8Array[];
}

/**
 * Why an account may not be used, by what the log holds; undefined: it is in the log with exactly this chain, and no
 * account claimed its name before it.
 *
 * `behind`: the log has not these entries (yet). `ahead`: it has more than these.
 */
export type AuditFinding =
  | { readonly kind: "behind" | "ahead" | "other-chain" | "hidden-name" }
  | { readonly kind: "name-claimed"; readonly by: Uint8Array };

/** Holds an account against the replica (trust.md §B). */
export async function auditAccount(
  records: LogRecords,
  { account, name, chain }: LookedUpAccount,
  nowMs: number,
): Promise<AuditFinding | undefined> {
  const logged = entriesOf(records, account);
  const same = (place: number) => bytesEqual(logged[place]?.entry ?? EMPTY, chain[place] ?? EMPTY);
  const common = Math.min(logged.length, chain.length);
  for (let place = 0; place < common; place++) if (!same(place)) return { kind: "other-chain" };
  if (logged.length < chain.length) return { kind: "behind" };
  if (logged.length > chain.length) return { kind: "ahead" };
  const claim = standingClaim(logged);
  if (!claim || claim.provenName !== name) return { kind: "hidden-name" };
  const by = await earlierOwner(records, { name, before: claim.number, nowMs });
  return by && !bytesEqual(by, account) ? { kind: "name-claimed", by } : undefined;
}

const EMPTY = new Uint8Array(0);

/** The account's entries in the log, in order. */
export function entriesOf(records: LogRecords, account: Uint8Array): readonly ReplicaEntry[] {
  return records
    .numbersOf(idText(account))
    .map((number) => understood(number, records.entry(number)))
    .filter((logged) => logged.account && bytesEqual(logged.account, account));
}

/** The entry by which an account holds its name now; undefined when it holds none. */
export function standingClaim(chain: readonly ReplicaEntry[]): ReplicaEntry | undefined {
  let standing: ReplicaEntry | undefined;
  for (const logged of chain) {
    const type = logged.read?.type;
    if (claimOf(logged.read)) standing = logged;
    else if (type === "handle-release" || type === "account-close") standing = undefined;
  }
  return standing;
}

/** The account that claimed `name` first and still holds it. A claim in a chain that does not verify is none. */
async function earlierOwner(
  records: LogRecords,
  { name, before, nowMs }: { readonly name: string; readonly before: number; readonly nowMs: number },
): Promise<Uint8Array | undefined> {
  for (const number of records.claimsOf(name)) {
    if (number >= before) return undefined;
    const { account } = understood(number, records.entry(number));
    const chain = account ? entriesOf(records, account) : [];
    if (account && standingClaim(chain)?.number === number && (await verifies(chain, nowMs))) return account;
  }
  return undefined;
}

async function verifies(chain: readonly ReplicaEntry[], nowMs: number): Promise<boolean> {
  try {
    await verifyAccountChain(
      chain.map(({ entry }) => entry),
      { nowMs },
    );
    return true;
  } catch (error) {
    if (error instanceof TrustError) return false;
    throw error;
  }
}
