import type { DeviceAddress } from "@parley/protocol";
import type { StateChange } from "../mls/index.ts";
import type { ClientStore, Collection, StoreChange } from "../store/client-store.ts";
import { StoreError } from "../store/client-store.ts";
import { decodeRecord, encodeRecord, seqKey } from "../store/record.ts";

/** Where this device stands with a room. */
export type RoomState = "active" | "joining" | "repairing" | "leaving" | "left" | "removed";

/** What is kept of a room beside its MLS records, its timeline and its outbox. */
export interface RoomRecord {
  /** 16 bytes: the room, and its MLS group id. */
  readonly room: Uint8Array;
  name: string;
  topic: string;
  readonly direct: boolean;
  /** Encrypts the room's GroupInfo at the relay. Empty until a member has told it. SECRET. */
  key: Uint8Array;
  state: RoomState;
  /** The last entry processed, and the log's head right after it. */
  cursor: number;
  head: Uint8Array;
  /** The entry by which this device came in: nothing before it can be read. */
  readonly joinedAtSeq: number;
  readonly createdAtMs: number;
  lastReadSeq: number;
  unread: number;
  mentions: number;
  lastActivityMs: number;
  /** The room's rules as this device last held them. A way back into the room never changes them (docs/protocol.md §5.5). */
  policy?: Uint8Array | undefined;
  /** The relay does not know the room yet. */
  unborn?: boolean | undefined;
  /** The commit that this device refused or could not follow, and nothing has replaced yet (docs/protocol.md §5.4). */
  refused?: { readonly seq: number; readonly epoch: number } | undefined;
  /** The proposal to remove this device: sent again, the same, until the epoch it was made for is over. */
  leaveProposal?: LeaveProposal | undefined;
  /**
   * The state before the relay said that this device is off the roster, which no commit has confirmed: the keys stay, and
   * the room comes back if the relay feeds it again.
   */
  stateBeforeRelayRemoval?: "active" | "repairing" | "leaving" | undefined;
  /** The user wants to leave a room that this device must come back into first. */
  leaveWhenBack?: boolean | undefined;
  /** Set since this device came in: whoever tells a joiner all of the room's state may tell it late, and older. */
  heardName?: boolean | undefined;
  heardTopic?: boolean | undefined;
  /** Back after a gap in which name and topic may have changed: the next telling of the room's state counts. */
  wantsState?: boolean | undefined;
  /**
   * The relay's restore generation in which the cursor is known to stand in the relay's log. When it has grown, the log may
   * have gone back behind the cursor, and on from there (room-rewind.ts). Absent: none was noted yet.
   */
  generation?: number | undefined;
  /**
   * The relay has lost commits that this device followed: it comes back only among members that it knew. `told`: the person
   * knows that there are others in the room now.
   */
  lostCommits?: "untold" | "told" | undefined;
  /** Timeline key of the gap that is still growing. */
  openGap?: string | undefined;
}

/** A proposal to be removed, as it was sent. */
export interface LeaveProposal {
  readonly clientId: Uint8Array;
  readonly epoch: number;
  readonly message: Uint8Array;
}

/** A commit that was sent and neither accepted nor beaten yet. */
export interface PendingCommit {
  readonly clientId: Uint8Array;
  readonly epoch: number;
  /** The whole request, encoded: what is sent again after a lost connection. */
  readonly request: Uint8Array;
  /** The engine's secret for putting the commit into force. SECRET. */
  readonly secret: Uint8Array;
  /** Accounts (as text) that had asked to be removed. */
  readonly leavers: readonly string[];
  /** An external commit: comes into force by `admit` instead of `merge`. */
  readonly rejoin: boolean;
}

/** A message that is not in the log yet. */
export interface OutboxItem {
  readonly clientId: Uint8Array;
  readonly salt: Uint8Array;
  readonly content: unknown;
  readonly createdAtMs: number;
  readonly failed?: string | undefined;
  /** SHA-256 of the encryptions that were made ready to send, newest last: what the log may hold under this client id. */
  readonly ciphers?: readonly Uint8Array[] | undefined;
}

/** The record of a room that this device can no longer follow. */
export function fallenBehind(record: RoomRecord): Pick<RoomRecord, "state" | "leaveWhenBack"> {
  const { state, leaveWhenBack } = record;
  if (state !== "active" && state !== "leaving") return { state, leaveWhenBack };
  return { state: "repairing", leaveWhenBack: state === "leaving" || undefined };
}

/** The record of a room that this device follows again. */
export function comeBack({ leaveWhenBack }: RoomRecord): Pick<RoomRecord, "state" | "leaveWhenBack"> {
  return { state: leaveWhenBack ? "leaving" : "active", leaveWhenBack: undefined };
}

/** Changes gathered for one write; a later change of a key takes the earlier one's place. */
export class ChangeSet {
  readonly #changes = new Map<string, StoreChange>();

  put(collection: Collection, key: string, value: Uint8Array): void {
    this.#set(`${collection}/${key}`, { kind: "put", collection, key, value });
  }

  delete(collection: Collection, key: string): void {
    this.#set(`${collection}/${key}`, { kind: "delete", collection, key });
  }

  deletePrefix(collection: Collection, prefix: string): void {
    for (const place of [...this.#changes.keys()]) {
      if (place.startsWith(`${collection}/${prefix}`)) this.#changes.delete(place);
    }
    this.#set(`${collection}/${prefix}*`, { kind: "delete-prefix", collection, prefix });
  }

  /** Takes over the engine's changes to a room's group. */
  group(roomText: string, changes: readonly StateChange[]): void {
    for (const change of changes) {
      if (change.kind === "put") this.put("group", `${roomText}/${change.key}`, change.bytes);
      else if (change.kind === "delete") this.delete("group", `${roomText}/${change.key}`);
      else this.deletePrefix("group", `${roomText}/${change.prefix}`);
    }
  }

  /** Everything of a room but its record and its timeline. */
  forgetGroup(roomText: string): void {
    this.deletePrefix("group", `${roomText}/`);
    this.delete("pending-commit", roomText);
    this.deletePrefix("head", `${roomText}/`);
  }

  list(): readonly StoreChange[] {
    return [...this.#changes.values()];
  }

  /** Re-inserting keeps the order of last changes, so that a put after a delete-prefix stays after it. */
  #set(place: string, change: StoreChange): void {
    this.#changes.delete(place);
    this.#changes.set(place, change);
  }
}

export function putRoomRecord(changes: ChangeSet, roomText: string, record: RoomRecord): void {
  changes.put("room", roomText, encodeRecord(record));
}

export function loadRoomRecords(store: ClientStore): readonly RoomRecord[] {
  return store.range("room").map(([, value]) => decodeRecord<RoomRecord>(value));
}

/** Throws StoreError `unreadable` when there is none. */
export function loadRoomRecord(store: ClientStore, roomText: string): RoomRecord {
  const value = store.get("room", roomText);
  if (!value) throw new StoreError("unreadable", "a room is missing in the local store");
  return decodeRecord<RoomRecord>(value);
}

export function loadPendingCommit(store: ClientStore, roomText: string): PendingCommit | undefined {
  const value = store.get("pending-commit", roomText);
  return value && decodeRecord<PendingCommit>(value);
}

/** The key of the `n`th timeline item that came from entry `seq`. */
export function timelineKey(seq: number, n = 0): string {
  return `${seqKey(seq)}.${n.toString(36).padStart(2, "0")}`;
}

/** Whether two addresses are the same device. */
export function sameDevice(a: DeviceAddress, b: DeviceAddress): boolean {
  return a.device === b.device && a.account.every((byte, i) => byte === b.account[i]);
}
