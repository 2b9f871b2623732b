import { sha256 } from "@noble/hashes/sha2.js";
import type { TrustFile } from "@parley/trust";
import { defaultQuorum } from "@parley/trust";
import type { Policy, PolicyGroup, PolicyWitness } from "@parley/trust/tlog";
import { cosignatureVerifier, noteVerifier, requireMajority, TlogError } from "@parley/trust/tlog";
import { ChatError } from "../chat/chat.ts";

/** Whose cosignatures make the log one that the user believes (trust.md §A5). */
export interface WitnessPolicy {
  readonly policy: Policy;
  /** Of all keys and quorums: another policy has another one. */
  readonly id: string;
  /** "2 of 3"; with several files, each one's. */
  readonly text: string;
  /** Keys of logs that the user's files name, type 0x01: a log of such an origin must have one of them. */
  readonly logs: readonly string[];
}

/** The quorums of all files, each of which must be met; undefined when no file names a witness. */
export function witnessPolicyOf(files: readonly TrustFile[]): WitnessPolicy | undefined {
  const naming = files.filter(({ witnesses }) => witnesses.length > 0);
  if (naming.length === 0) return undefined;
  const witnesses = new Map<string, PolicyWitness>();
  const members = naming.map((file) => groupOf(file, witnesses));
  const quorum: PolicyGroup = { kind: "group", name: "all", threshold: members.length, members };
  const logs = files.flatMap((file) => file.logs);
  const quorums = naming.map((file) => [quorumOf(file), file.witnesses.map(({ vkey }) => vkey).toSorted()]);
  return {
    policy: { logs: [], witnesses: [...witnesses.values()], quorum },
    id: sha256(new TextEncoder().encode(JSON.stringify([quorums, logs]))).toHex(),
    text: naming.map(quorumText).join(" and "),
    logs,
  };
}

/** Whether a log may be that of its origin: the user's files name its key, or no key for that origin. */
export function isAcceptedLog({ logs }: WitnessPolicy, vkey: string): boolean {
  const { name } = noteVerifier(vkey);
  return logs.includes(vkey) || logs.every((listed) => noteVerifier(listed).name !== name);
}

/** Throws ChatError `not-allowed`, with the reason, for a quorum that two halves of the witnesses can meet. */
export function requireStrongQuorum(file: TrustFile): void {
  if (file.witnesses.length === 0) return;
  try {
    requireMajority(groupOf(file, new Map()));
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    const reason = "half of them can sign one log and the other half another, with nobody lying";
    throw new ChatError("not-allowed", `${quorumText(file)} witnesses is too few: ${reason}`);
  }
}

/** How many of a file's witnesses must have cosigned. */
function quorumOf({ witnesses, quorum }: TrustFile): number {
  return quorum ?? defaultQuorum(witnesses.length);
}

function quorumText(file: TrustFile): string {
  return `${quorumOf(file)} of ${file.witnesses.length}`;
}

/** A witness that is in several files is one witness. */
function groupOf(file: TrustFile, known: Map<string, PolicyWitness>): PolicyGroup {
  const members = file.witnesses.map(({ vkey, url }) => {
    const verifier = cosignatureVerifier(vkey);
    const witness: PolicyWitness = known.get(vkey) ?? {
      kind: "witness",
      name: verifier.name,
      verifier,
      ...(url !== undefined && { url }),
    };
    known.set(vkey, witness);
    return witness;
  });
  return { kind: "group", name: file.title, threshold: quorumOf(file), members };
}
