import { bytesEqual } from "@parley/protocol";
import { CompactTree, formatTlogProof, hashLeaf, proveInclusion } from "@parley/trust/tlog";
import type { ServerLog, ServerLogStatus } from "../chat/chat.ts";
import { ChatError } from "../chat/chat.ts";
import type { RelayConnection } from "../connection/connection.ts";
import { ConnectionError } from "../connection/connection.ts";
import { entriesOf } from "./log-audit.ts";
import type { LogWatch } from "./log-watch.ts";

/** The replica as the chat's face shows it. `connection` throws ChatError `offline`. */
export function serverLog(
  watch: LogWatch,
  {
    connection,
    person,
  }: {
    readonly connection: () => RelayConnection;
    /** The account of a name. Throws ChatError. */
    readonly person: (name: string) => Promise<{ readonly account: Uint8Array }>;
  },
): ServerLog {
  const { replica } = watch;
  const status = (): ServerLogStatus => {
    const { origin = "", size = 0, root, syncedAtMs = 0 } = replica.head ?? {};
    const { alarms } = watch;
    return {
      origin,
      size,
      root: root?.toHex() ?? "",
      syncedAtMs,
      alarms,
      forked: watch.evidence !== undefined,
    };
  };
  const entries = () => replica.records.entries(0, replica.head?.size ?? 0);
  return {
    status,
    entries,
    async sync() {
      try {
        await watch.refresh(connection());
      } catch (error) {
        if (error instanceof ConnectionError) throw new ChatError("refused", error.message);
        throw error;
      }
      return status();
    },
    async check() {
      const tree = new CompactTree();
      for (const { entry } of entries()) tree.append(hashLeaf(entry));
      const { head } = replica;
      return !head || (tree.size === head.size && bytesEqual(tree.root, head.root));
    },
    async prove(name) {
      const { account } = await person(name);
      const { head } = replica;
      if (!head) throw new ChatError("refused", "this relay keeps no log");
      const proofs: Uint8Array[] = [];
      for (const { number: index, entry } of entriesOf(replica.records, account)) {
        const proof = await proveInclusion(index, head.size, replica);
        proofs.push(formatTlogProof({ extra: entry, index, proof, checkpoint: head.note }));
      }
      return proofs;
    },
    checkpoint: () => replica.head?.note,
    evidence: () => watch.evidence,
    key: () => replica.head?.vkey,
  };
}
