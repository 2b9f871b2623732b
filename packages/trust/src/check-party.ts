import type { Infer } from "@parley/protocol";
import { accountId, fixed, struct } from "@parley/protocol";
import { HASH_BYTES } from "./chain-entry.ts";
import { logView } from "./invite-link.ts";
import { KEY_BYTES } from "./signature.ts";

/** Codec of {@link CheckParty}. */
export const checkParty = struct({
  account: accountId,
  /** Hash of the newest entry of the account's chain. */
  chainHead: fixed(HASH_BYTES),
  /** Ed25519 public key of the device at work. */
  deviceKey: fixed(KEY_BYTES),
  /** Its newest view of the log, to be compared as gossip. */
  checkpoint: logView,
});

/**
 * One side of a check between two people (SAS, short code), named by keys and by hashes that commit to keys, never by
 * a name or a number that somebody could move to another key.
 */
export type CheckParty = Infer<typeof checkParty>;
