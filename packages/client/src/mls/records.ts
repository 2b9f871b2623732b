import type { ByteReader, ByteWriter } from "./codec.ts";
import type { StateChange } from "./engine-types.ts";
import { MlsError } from "./errors.ts";

/** What a store does with changes, in words of a map: the reference for every store, and enough for tests. */
export function applyChanges(records: Map<string, Uint8Array>, changes: readonly StateChange[]): void {
  for (const change of changes) {
    if (change.kind === "put") records.set(change.key, change.bytes);
    else if (change.kind === "delete") records.delete(change.key);
    else for (const key of [...records.keys()]) if (key.startsWith(change.prefix)) records.delete(key);
  }
}

export function put(key: string, bytes: Uint8Array): StateChange {
  return { kind: "put", key, bytes };
}

/** Keys under which a group's state lies. Numbers are decimal. */
export const KEYS = {
  state: "state",
  removed: "removed",
  tree: (node: number) => `tree/${node}`,
  proposals: "proposal/",
  proposal: (position: number) => `proposal/${position}`,
  epoch: (epoch: bigint) => `epoch/${epoch}/`,
  context: (epoch: bigint) => `epoch/${epoch}/context`,
  ratchets: (epoch: bigint) => `epoch/${epoch}/ratchet/`,
  ratchet: (epoch: bigint, leaf: number) => `epoch/${epoch}/ratchet/${leaf}`,
  formers: (epoch: bigint) => `epoch/${epoch}/former/`,
  former: (epoch: bigint, leaf: number) => `epoch/${epoch}/former/${leaf}`,
} as const;

const KINDS = ["put", "delete", "clear"] as const;

export function writeChanges(writer: ByteWriter, changes: readonly StateChange[]): void {
  writer.uint32(changes.length);
  for (const change of changes) {
    writer.uint8(KINDS.indexOf(change.kind));
    writer.text(change.kind === "clear" ? change.prefix : change.key);
    if (change.kind === "put") writer.bytes(change.bytes);
  }
}

export function readChanges(reader: ByteReader): StateChange[] {
  const changes: StateChange[] = [];
  for (let left = reader.uint32(); left > 0; left -= 1) {
    const kind = KINDS[reader.uint8()];
    const key = reader.text();
    if (kind === "put") changes.push({ kind, key, bytes: reader.bytes() });
    else if (kind === "delete") changes.push({ kind, key });
    else if (kind === "clear") changes.push({ kind, prefix: key });
    else throw new MlsError("corrupt", "an unknown kind of change is stored");
  }
  return changes;
}
