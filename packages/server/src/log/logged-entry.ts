import { bytesEqual } from "@parley/protocol";
import { decodeChainEntry, handleCommitment } from "@parley/trust";
import type { AccountRecord } from "../store/contract.ts";

/** What opens the commitment that a chain shows in place of a name. */
export interface NameOpening {
  readonly name: string;
  readonly opening: Uint8Array;
}

/** An entry of a server or account chain, on its way into the log. The opening is kept beside the log, not in it. */
export interface LoggedEntry {
  readonly entry: Uint8Array;
  readonly opening?: NameOpening | undefined;
}

/** An account's chain for the log: the entry that claims the account's name goes with the opening. */
export function loggedChain({
  chain,
  name,
  nameOpening,
}: Pick<AccountRecord, "chain" | "name" | "nameOpening">): readonly LoggedEntry[] {
  const commitment = handleCommitment(name, nameOpening);
  return chain.map((entry) => {
    const { type, body } = decodeChainEntry(entry);
    const claims = type === "account-genesis" || type === "handle-set";
    const isOpened = claims && bytesEqual(body.handle.commitment, commitment);
    return isOpened ? { entry, opening: { name, opening: nameOpening } } : { entry };
  });
}
