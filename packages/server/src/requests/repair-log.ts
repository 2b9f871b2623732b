import { bytesEqual, ProtocolError } from "@parley/protocol";
import { decodeChainEntry, handleCommitment, TrustError } from "@parley/trust";
import { noteVerifier, openCheckpoint, TlogError } from "@parley/trust/tlog";
import { bringAccountsBack } from "../admin/logged-accounts.ts";
import type { LogEnd, TransparencyLog } from "../log/transparency-log.ts";
import type { Handler, RequestOf } from "./call.ts";
import { DONE } from "./call.ts";

type Offered = RequestOf<"repair-log">["entries"][number];

/** docs/protocol.md §4.17. The member is believed in nothing: the log's own key has signed what it offers, names included. */
export const repairLog: Handler<"repair-log"> = async ({ from, checkpoint, entries }, { services }) => {
  const { transparencyLog: log, store, clock } = services;
  if (!entries.every(isOpened)) throw new ProtocolError("chain-invalid", "a name is missing");
  const before = log.size;
  const wanted = await signedEnd(log, checkpoint);
  if (!(await log.repair(from, entries, wanted))) throw new ProtocolError("chain-invalid", "another log");
  await bringAccountsBack({ store, log, from: before, nowMs: clock.nowMs() });
  return DONE;
};

async function signedEnd(log: TransparencyLog, note: Uint8Array): Promise<LogEnd> {
  const verifier = noteVerifier(log.key.vkey);
  try {
    const opened = await openCheckpoint(note, [verifier]);
    if (opened.origin === verifier.name) return opened;
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
  }
  throw new ProtocolError("chain-invalid", "not signed by this log");
}

/** Whether a name that the entry claims comes with what opens it: without, the log would seem to hide it. */
function isOpened({ entry, opening }: Offered): boolean {
  try {
    const { type, body } = decodeChainEntry(entry);
    if (type !== "account-genesis" && type !== "handle-set") return true;
    return (
      opening !== undefined &&
      bytesEqual(body.handle.commitment, handleCommitment(opening.name, opening.opening))
    );
  } catch (error) {
    if (error instanceof TrustError) return false;
    throw error;
  }
}
