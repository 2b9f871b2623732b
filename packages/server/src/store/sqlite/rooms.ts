import type { StatementSync } from "node:sqlite";
import type { DeviceAddress, RoomLogEntry } from "@parley/protocol";
import { bytesEqual, decodeRoomLogEntry, encodeRoomLogEntry, LIMITS, ProtocolError } from "@parley/protocol";
import type {
  Append,
  Appended,
  Commit,
  Committed,
  EpochState,
  ReadLimits,
  RoomCreation,
  RoomHead,
  RoomRecord,
} from "../contract.ts";
import type { Connection } from "./connection.ts";
import type { DeviceNumbers } from "./devices.ts";
import type { RoomLogs, RoomState } from "./room-log.ts";
import { headBytes } from "./room-log.ts";
import type { StoredBytesOf } from "./stored-bytes.ts";

interface Place {
  readonly state: RoomState;
  readonly device: number;
}

type RosterChange = Map<number, number>;

/** Steps on one room's key. Each refuses, by a `ProtocolError`, before it writes. */
export class Rooms {
  readonly #connection: Connection;
  readonly #devices: DeviceNumbers;
  readonly #logs: RoomLogs;
  readonly #storedBytes: StoredBytesOf;
  readonly #statements: Record<
    | "create"
    | "epoch"
    | "setRoster"
    | "roomsOf"
    | "commitOf"
    | "setCommit"
    | "groupInfo"
    | "setGroupInfo"
    | "tree"
    | "setTree"
    | "addWelcome",
    StatementSync
  >;

  constructor(
    connection: Connection,
    devices: DeviceNumbers,
    { logs, storedBytes }: { readonly logs: RoomLogs; readonly storedBytes: StoredBytesOf },
  ) {
    this.#connection = connection;
    this.#devices = devices;
    this.#logs = logs;
    this.#storedBytes = storedBytes;
    const upsert = "INSERT OR REPLACE INTO";
    this.#statements = {
      create: connection.prepare(
        "INSERT INTO rooms (room, epoch, settled_seq, settled_head) VALUES (?, 0, 0, zeroblob(32)) RETURNING id",
      ),
      epoch: connection.prepare("UPDATE rooms SET epoch = ? WHERE id = ?"),
      setRoster: connection.prepare(`${upsert} roster (room, device, left_seq) VALUES (?, ?, ?)`),
      roomsOf: connection.prepare("SELECT room FROM roster WHERE device = ? AND left_seq = 0"),
      commitOf: connection.prepare("SELECT seq FROM commits WHERE room = ? AND epoch = ?"),
      setCommit: connection.prepare(`${upsert} commits (room, epoch, seq) VALUES (?, ?, ?)`),
      groupInfo: connection.prepare("SELECT epoch, seq, head, bytes FROM group_infos WHERE room = ?"),
      setGroupInfo: connection.prepare(
        `${upsert} group_infos (room, epoch, seq, head, bytes) VALUES (?, ?, ?, ?, ?)`,
      ),
      tree: connection.prepare(
        "SELECT epoch, seq, head, bytes FROM ratchet_trees WHERE room = ? AND epoch = ?",
      ),
      setTree: connection.prepare(
        `${upsert} ratchet_trees (room, epoch, seq, head, kept_at_ms, bytes) VALUES (?, ?, ?, ?, ?, ?)`,
      ),
      addWelcome: connection.prepare(
        "INSERT INTO welcomes (room, seq, device, sender, kept_at_ms, item) VALUES (?, ?, ?, ?, ?, ?)",
      ),
    };
  }

  create({ room, creator }: RoomCreation): void {
    if (this.#logs.find(room)) throw new ProtocolError("already-exists", "room");
    const device = this.#devices.intern(creator);
    this.#connection.writes++;
    const { id } = this.#statements.create.get(room) as { id: number };
    this.#connection.run(this.#statements.setRoster, id, device, 0);
  }

  append(append: Append): Appended {
    if (append.message.length > LIMITS.messageBytes) throw new ProtocolError("too-large", "message");
    const { state, device } = this.#placeOf(append.room, append.sender);
    this.#expectMember(state, device);
    const first = this.#firstUse(state, device, append.clientId);
    if (first) return first;
    if (append.epoch !== state.epoch) throw new ProtocolError("stale-epoch", "", { epoch: state.epoch });
    const { quotaBytes, message } = append;
    const isOver =
      quotaBytes !== undefined &&
      this.#storedBytes.inRooms(append.sender.account) + message.length > quotaBytes;
    if (isOver) throw new ProtocolError("over-quota", "rooms");
    return this.#write(state, device, { ...this.#header(state, append), kind: append.kind });
  }

  acceptCommit(commit: Commit): Committed {
    this.#checkSizes(commit);
    const { state, device } = this.#placeOf(commit.room, commit.sender);
    const isReplacer = commit.replaces !== 0 && state.roster.get(device) === commit.replaces;
    if (!isReplacer) this.#expectMember(state, device);
    const first = this.#firstUse(state, device, commit.clientId);
    if (first) return { ...first, joined: [], left: [] };
    this.#expectOpenEpoch(state, commit);

    const header = this.#header(state, commit);
    const encoded: RoomLogEntry = {
      ...header,
      kind: "commit",
      replaces: commit.replaces,
      added: commit.added.map((added) => added.device),
      removed: commit.removed,
    };
    const bytes = encodeRoomLogEntry(encoded);
    const change = this.#rosterChange(state, commit);
    return this.#writeCommit(state, device, { commit, bytes, change });
  }

  #writeCommit(
    state: RoomState,
    device: number,
    { commit, bytes, change }: { commit: Commit; bytes: Uint8Array; change: RosterChange },
  ): Committed {
    this.#logs.append(state, { device, clientId: commit.clientId, bytes });
    const seq = state.headSeq;
    const epoch = commit.epoch + 1;
    if (state.epoch !== epoch) this.#connection.run(this.#statements.epoch, epoch, state.id);
    state.epoch = epoch;
    this.#connection.run(this.#statements.setCommit, state.id, commit.epoch, seq);
    const head = headBytes(state.headHash);
    this.#connection.run(this.#statements.setGroupInfo, state.id, epoch, seq, head, commit.groupInfo);
    if (commit.added.length > 0) {
      const { nowMs, ratchetTree } = commit;
      this.#connection.run(this.#statements.setTree, state.id, epoch, seq, head, nowMs, ratchetTree);
    }
    for (const { device: to, item } of commit.added) {
      const number = this.#devices.intern(to);
      this.#connection.run(this.#statements.addWelcome, state.id, seq, number, device, commit.nowMs, item);
    }
    const { joined, left } = this.#writeRoster(state, change);
    return { seq, receivedAtMs: commit.nowMs, entry: bytes, duplicate: false, joined, left };
  }

  #writeRoster(state: RoomState, change: RosterChange): Pick<Committed, "joined" | "left"> {
    const roster = new Map(state.roster);
    const joined: DeviceAddress[] = [];
    const left: DeviceAddress[] = [];
    for (const [device, leftSeq] of change) {
      this.#connection.run(this.#statements.setRoster, state.id, device, leftSeq);
      roster.set(device, leftSeq);
      const wasMember = state.roster.get(device) === 0;
      if (leftSeq === 0) joined.push(this.#devices.address(device));
      else if (wasMember) left.push(this.#devices.address(device));
    }
    state.roster = roster;
    return { joined, left };
  }

  /** Device number → what its place in the roster becomes, for those whose place changes. Numbers new devices. */
  #rosterChange(state: RoomState, { replaces, added, removed }: Commit): RosterChange {
    const seq = state.headSeq + 1;
    const wanted: RosterChange = new Map();
    if (replaces !== 0) {
      for (const [device, leftSeq] of state.roster) if (leftSeq === replaces) wanted.set(device, 0);
    }
    for (const address of removed) {
      const device = this.#devices.find(address);
      if (device !== undefined && state.roster.has(device)) wanted.set(device, seq);
    }
    const newcomers = added.filter(({ device }) => {
      const number = this.#devices.find(device);
      if (number !== undefined) wanted.set(number, 0);
      return number === undefined;
    });
    const change: RosterChange = new Map();
    for (const [device, leftSeq] of wanted) {
      const before = state.roster.get(device);
      const isRemovedAgain = before === replaces && leftSeq === seq;
      if ((before === 0) !== (leftSeq === 0) || isRemovedAgain) change.set(device, leftSeq);
    }
    this.#expectRoom(state, change, newcomers.length);
    for (const { device } of newcomers) change.set(this.#devices.intern(device), 0);
    return change;
  }

  #expectRoom(state: RoomState, change: RosterChange, newcomers: number): void {
    const roster = new Map([...state.roster, ...change]);
    const size = [...roster.values()].filter((leftSeq) => leftSeq === 0).length + newcomers;
    if (size > LIMITS.roomDevices) throw new ProtocolError("too-large", "roster");
  }

  #checkSizes({ clientId, added, removed, ratchetTree, groupInfo }: Commit): void {
    if (clientId.length !== 16) throw new ProtocolError("malformed", "client id");
    if (added.length > LIMITS.addsPerCommit || removed.length > LIMITS.roomDevices) {
      throw new ProtocolError("too-large", "commit");
    }
    if (ratchetTree.length > LIMITS.treeBytes || groupInfo.length > LIMITS.treeBytes) {
      throw new ProtocolError("too-large", "tree");
    }
    if (added.some(({ item }) => item.length > LIMITS.inboxItemBytes))
      throw new ProtocolError("too-large", "item");
    for (const [place, { device }] of added.entries()) {
      const again = added.findIndex((other) => isSameDevice(other.device, device));
      if (again !== place) throw new ProtocolError("malformed", "a device is added twice");
    }
  }

  #placeOf(room: Uint8Array, sender: DeviceAddress): Place {
    const state = this.#logs.find(room);
    const device = this.#devices.find(sender);
    if (!state || device === undefined || !state.roster.has(device))
      throw new ProtocolError("not-found", "room");
    return { state, device };
  }

  #expectMember(state: RoomState, device: number): void {
    if (state.roster.get(device) !== 0) throw new ProtocolError("forbidden", "not on the roster");
  }

  #firstUse(state: RoomState, device: number, clientId: Uint8Array): Appended | undefined {
    const seq = this.#logs.seqOfClientId(state, device, clientId);
    if (seq === undefined) return undefined;
    const entry = this.#logs.entry(state, seq);
    return { seq, receivedAtMs: decodeRoomLogEntry(entry).receivedAtMs, entry, duplicate: true };
  }

  #expectOpenEpoch(state: RoomState, { epoch, replaces }: Commit): void {
    if (epoch > state.epoch) throw new ProtocolError("stale-epoch", "", { epoch: state.epoch });
    if (replaces === 0 && epoch === state.epoch) return;
    const row = this.#statements.commitOf.get(state.id, epoch) as { seq: number } | undefined;
    const winnerSeq = row?.seq ?? 0;
    if (replaces !== 0 && replaces === winnerSeq && state.epoch === epoch + 1) return;
    throw new ProtocolError("epoch-conflict", "", { winnerSeq, epoch: state.epoch });
  }

  #header(
    state: RoomState,
    { room, sender, clientId, epoch, message, nowMs }: Append | Commit,
  ): RoomLogEntry {
    return {
      room,
      seq: state.headSeq + 1,
      kind: "application",
      epoch,
      sender,
      clientId,
      receivedAtMs: nowMs,
      replaces: 0,
      added: [],
      removed: [],
      message,
    };
  }

  #write(state: RoomState, device: number, entry: RoomLogEntry): Appended {
    const bytes = encodeRoomLogEntry(entry);
    this.#logs.append(state, { device, clientId: entry.clientId, bytes });
    return { seq: entry.seq, receivedAtMs: entry.receivedAtMs, entry: bytes, duplicate: false };
  }

  read(room: Uint8Array, afterSeq: number, limits: ReadLimits): readonly Uint8Array[] {
    const state = this.#logs.find(room);
    if (!state) throw new ProtocolError("not-found", "room");
    return this.#logs.read(state, afterSeq, limits);
  }

  record(room: Uint8Array): RoomRecord | undefined {
    const state = this.#logs.find(room);
    if (!state) return undefined;
    const present = [...state.roster].filter(([, leftSeq]) => leftSeq === 0);
    const roster = present.map(([device]) => this.#devices.address(device));
    return { epoch: state.epoch, headSeq: state.headSeq, headHash: headBytes(state.headHash), roster };
  }

  isOnRoster(room: Uint8Array, address: DeviceAddress): boolean {
    const device = this.#devices.find(address);
    return device !== undefined && this.#logs.find(room)?.roster.get(device) === 0;
  }

  roomsOf(address: DeviceAddress): readonly RoomHead[] {
    const device = this.#devices.find(address);
    if (device === undefined) return [];
    const rows = this.#statements.roomsOf.all(device) as { room: number }[];
    return rows.map((row) => {
      const { room, headSeq, epoch } = this.#logs.byNumber(row.room);
      return { room, seq: headSeq, epoch };
    });
  }

  ratchetTree(room: Uint8Array, epoch: number): EpochState | undefined {
    const state = this.#logs.find(room);
    const row = state && this.#statements.tree.get(state.id, epoch);
    return row && epochStateOf(row as unknown as EpochState);
  }

  groupInfo(room: Uint8Array): EpochState | undefined {
    const state = this.#logs.find(room);
    const row = state && this.#statements.groupInfo.get(state.id);
    return row && epochStateOf(row as unknown as EpochState);
  }
}

/** A row without SQLite's prototype. */
function epochStateOf({ epoch, seq, head, bytes }: EpochState): EpochState {
  return { epoch, seq, head, bytes };
}

function isSameDevice(a: DeviceAddress, b: DeviceAddress): boolean {
  return a.device === b.device && bytesEqual(a.account, b.account);
}
