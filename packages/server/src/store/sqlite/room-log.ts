import { hash } from "node:crypto";
import type { SQLInputValue, StatementSync } from "node:sqlite";
import { decodeRoomLogEntry, idText, ProtocolError } from "@parley/protocol";
import type { ReadLimits } from "../contract.ts";
import type { Connection } from "./connection.ts";
import type { DeviceNumbers } from "./devices.ts";
import { RowWriter } from "./row-writer.ts";

/** An entry that is on disk, but not yet findable there by its place or its client id. */
interface TailEntry {
  readonly id: number;
  readonly device: number;
  /** Lower-case hex. */
  readonly clientId: string;
  /** The room's head after it; see {@link headBytes}. */
  readonly head: string;
  readonly sizeBytes: number;
}

/** A room as it is in memory. Whoever changes it has written the same change in the same operation. */
export interface RoomState {
  readonly id: number;
  readonly room: Uint8Array;
  epoch: number;
  headSeq: number;
  /** See {@link headBytes}. */
  headHash: string;
  /** Entries up to here are in `entry_places` and `client_ids`; `tail` holds the others. */
  settledSeq: number;
  tail: TailEntry[];
  /** No entry of the room with a smaller number in `entries` is unsettled; 0 when nothing is. */
  waitingSince: number;
  /** Device number → client id in hex → seq, of the entries in `tail`. */
  readonly tailClientIds: Map<number, Map<string, number>>;
  /** Device number → the seq of the commit that took it off the roster, 0 while it is on it. */
  roster: ReadonlyMap<number, number>;
}

/** An entry about to be appended. */
export interface NewEntry {
  readonly device: number;
  readonly clientId: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Entries settled in a batch, at least, once too many wait. */
const MIN_SETTLED = 128;
/** Entries in one row of `entry_places`. */
const MAX_BLOCK = 256;
const ID_BYTES = 8;
const MAX_IDLE_ROOMS = 20_000;

const HEAD_BYTES = 32;
let scratch = Buffer.alloc(4096);

/** A head as a string of one character for each byte: it costs the collector far less than bytes of their own. */
function headText(head: Uint8Array): string {
  return Buffer.from(head).toString("latin1");
}

function nextHead(head: string, entry: Uint8Array): string {
  const length = HEAD_BYTES + entry.length;
  if (length > scratch.length) scratch = Buffer.alloc(2 * length);
  scratch.write(head, "latin1");
  scratch.set(entry, HEAD_BYTES);
  return hash("sha256", scratch.subarray(0, length), "latin1");
}

/** @returns the bytes of a head. */
export function headBytes(head: string): Uint8Array {
  return new Uint8Array(Buffer.from(head, "latin1"));
}

function blockOf(entries: readonly TailEntry[]): Uint8Array {
  const block = Buffer.alloc(entries.length * ID_BYTES);
  for (const [place, { id }] of entries.entries()) block.writeBigUInt64BE(BigInt(id), place * ID_BYTES);
  return block;
}

function idsOf(bytes: Uint8Array): number[] {
  const block = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / ID_BYTES }, (_, i) => Number(block.getBigUint64(i * ID_BYTES)));
}

/**
 * The logs of all rooms: one table in order of arrival, and behind it the *settled* tables in which an entry is found by
 * room and seq, or by device and client id. Entries settle room by room, the room that has waited longest first, so that
 * a page of a settled table is written for many entries and not for one.
 */
export class RoomLogs {
  readonly #connection: Connection;
  readonly #devices: DeviceNumbers;
  readonly #maxTail: number;
  readonly #rooms = new Map<string, RoomState>();
  /** Rooms with a tail, ordered by their oldest entry in it. */
  readonly #waiting = new Map<number, RoomState>();
  #tailLength = 0;
  /** Device number → bytes of its entries in tails. */
  readonly #tailBytes = new Map<number, number>();
  #nextId = 1;
  /** Columns of the entries of this batch that are not in the table yet, row by row. */
  #unwritten: SQLInputValue[] = [];
  readonly #entries: RowWriter;
  readonly #clientIds: RowWriter;
  readonly #statements: Record<
    "find" | "get" | "roster" | "bytes" | "settled" | "clientId" | "place" | "head" | "below" | "addBytes",
    StatementSync
  >;

  /** @param maxTail entries that may wait in memory; a start reads about as many again. */
  constructor(connection: Connection, devices: DeviceNumbers, maxTail: number) {
    this.#maxTail = maxTail;
    this.#connection = connection;
    this.#devices = devices;
    this.#entries = new RowWriter(connection, "entries", ["id", "room", "bytes"]);
    this.#clientIds = new RowWriter(connection, "client_ids", ["room", "device", "client_id", "seq"]);
    const columns = "id, room, epoch, settled_seq, settled_head";
    this.#statements = {
      find: connection.prepare(`SELECT ${columns} FROM rooms WHERE room = ?`),
      get: connection.prepare(`SELECT ${columns} FROM rooms WHERE id = ?`),
      roster: connection.prepare("SELECT device, left_seq FROM roster WHERE room = ?"),
      bytes: connection.prepare("SELECT bytes FROM entries WHERE id = ?"),
      settled: connection.prepare(
        "SELECT last_seq, entries FROM entry_places WHERE room = ? AND last_seq > ? ORDER BY last_seq",
      ),
      clientId: connection.prepare(
        "SELECT seq FROM client_ids WHERE room = ? AND device = ? AND client_id = ?",
      ),
      place: connection.prepare("INSERT INTO entry_places (room, last_seq, entries) VALUES (?, ?, ?)"),
      head: connection.prepare("UPDATE rooms SET settled_seq = ?, settled_head = ? WHERE id = ?"),
      addBytes: connection.prepare(
        "INSERT INTO device_bytes VALUES (?, ?) ON CONFLICT (device) DO UPDATE SET bytes = bytes + excluded.bytes",
      ),
      below: connection.prepare("UPDATE meta SET value = ? WHERE key = 'settled-below'"),
    };
  }

  /** @returns the room, or `undefined` when there is none. */
  find(room: Uint8Array): RoomState | undefined {
    if (room.length !== 16) throw new ProtocolError("malformed", "room id");
    const cached = this.#rooms.get(idText(room));
    if (cached) return cached;
    return this.#remember(this.#statements.find.get(room));
  }

  /** @returns the room with this number. */
  byNumber(id: number): RoomState {
    const state = this.#waiting.get(id) ?? this.#remember(this.#statements.get.get(id));
    if (!state) throw new Error("no room has this number");
    return state;
  }

  #remember(row: object | undefined): RoomState | undefined {
    if (!row) return undefined;
    const found = row as {
      id: number;
      room: Uint8Array;
      epoch: number;
      settled_seq: number;
      settled_head: Uint8Array;
    };
    const key = idText(found.room);
    const cached = this.#rooms.get(key);
    if (cached) return cached;
    if (this.#rooms.size >= this.#waiting.size + MAX_IDLE_ROOMS) this.#forgetIdle();
    const state: RoomState = {
      id: found.id,
      room: found.room,
      epoch: found.epoch,
      headSeq: found.settled_seq,
      headHash: headText(found.settled_head),
      settledSeq: found.settled_seq,
      tail: [],
      waitingSince: 0,
      tailClientIds: new Map(),
      roster: this.#readRoster(found.id),
    };
    this.#rooms.set(key, state);
    return state;
  }

  #readRoster(room: number): Map<number, number> {
    const rows = this.#statements.roster.all(room) as { device: number; left_seq: number }[];
    return new Map(rows.map(({ device, left_seq }) => [device, left_seq]));
  }

  #forgetIdle(): void {
    for (const [key, { id }] of this.#rooms) if (!this.#waiting.has(id)) this.#rooms.delete(key);
  }

  /** @returns the seq under which this device has used this client id in this room. */
  seqOfClientId(state: RoomState, device: number, clientId: Uint8Array): number | undefined {
    const inTail = state.tailClientIds.get(device)?.get(idText(clientId));
    if (inTail !== undefined || state.settledSeq === 0) return inTail;
    const row = this.#statements.clientId.get(state.id, device, clientId) as { seq: number } | undefined;
    return row?.seq;
  }

  /** Adds the entry that `state.headSeq + 1` stands for; it is in the table when the batch is committed. */
  append(state: RoomState, entry: NewEntry): void {
    this.#connection.writes++;
    this.#unwritten.push(this.#nextId, state.id, entry.bytes);
    this.#extendTail(state, this.#nextId, entry);
  }

  #writeEntries(): void {
    if (this.#unwritten.length === 0) return;
    this.#entries.write(this.#unwritten);
    this.#unwritten = [];
  }

  #extendTail(state: RoomState, id: number, { device, clientId, bytes }: NewEntry): void {
    const head = nextHead(state.headHash, bytes);
    state.headSeq++;
    state.headHash = head;
    const key = idText(clientId);
    state.tail.push({ id, device, clientId: key, head, sizeBytes: bytes.length });
    this.#tailBytes.set(device, this.tailBytes(device) + bytes.length);
    const used = state.tailClientIds.get(device);
    if (used) used.set(key, state.headSeq);
    else state.tailClientIds.set(device, new Map([[key, state.headSeq]]));
    if (state.waitingSince === 0) {
      state.waitingSince = id;
      this.#waiting.set(state.id, state);
    }
    this.#tailLength++;
    this.#nextId = id + 1;
  }

  /** @returns entry `seq`, which must exist. */
  entry(state: RoomState, seq: number): Uint8Array {
    const [bytes] = this.read(state, seq - 1, { maxEntries: 1, maxBytes: 1 });
    if (!bytes) throw new Error("an entry is missing");
    return bytes;
  }

  /** @returns entries after `afterSeq` within `limits`, at least one if there is one. */
  read(state: RoomState, afterSeq: number, { maxEntries, maxBytes }: ReadLimits): Uint8Array[] {
    this.#writeEntries();
    const entries: Uint8Array[] = [];
    let sizeBytes = 0;
    for (const id of this.#ids(state, afterSeq, maxEntries)) {
      const row = this.#statements.bytes.get(id) as { bytes: Uint8Array } | undefined;
      if (!row) throw new Error("an entry is missing");
      sizeBytes += row.bytes.length;
      if (entries.length > 0 && sizeBytes > maxBytes) break;
      entries.push(row.bytes);
    }
    return entries;
  }

  #ids(state: RoomState, afterSeq: number, count: number): number[] {
    const settled = afterSeq < state.settledSeq ? this.#settledIds(state, afterSeq, count) : [];
    const start = Math.max(0, afterSeq - state.settledSeq);
    const tail = state.tail.slice(start, start + Math.max(0, count - settled.length));
    return [...settled, ...tail.map(({ id }) => id)];
  }

  #settledIds(state: RoomState, afterSeq: number, count: number): number[] {
    const ids: number[] = [];
    for (const row of this.#statements.settled.iterate(state.id, afterSeq)) {
      const { last_seq, entries } = row as { last_seq: number; entries: Uint8Array };
      const block = idsOf(entries);
      const skipped = Math.max(0, afterSeq - (last_seq - block.length));
      ids.push(...block.slice(skipped, skipped + count - ids.length));
      if (ids.length >= count) break;
    }
    return ids;
  }

  /** Ends a batch: writes its entries, and settles about as many as it has appended, when too many wait. */
  endBatch(appended: number): void {
    this.#writeEntries();
    this.#settle(appended);
  }

  #settle(appended: number): void {
    if (this.#tailLength <= this.#maxTail) return;
    let left = Math.max(MIN_SETTLED, 2 * appended);
    while (left > 0 && this.#tailLength > 0) {
      const [state] = this.#waiting.values();
      if (!state) break;
      left -= this.#settleRoom(state, left);
    }
    const [oldest] = this.#waiting.values();
    this.#connection.run(this.#statements.below, oldest?.waitingSince ?? this.#nextId);
  }

  #settleRoom(state: RoomState, limit: number): number {
    const entries = state.tail.splice(0, Math.min(limit, MAX_BLOCK));
    const rows: SQLInputValue[] = [];
    this.#settleBytes(entries);
    for (const { device, clientId } of entries) {
      rows.push(state.id, device, Uint8Array.fromHex(clientId), ++state.settledSeq);
      state.tailClientIds.get(device)?.delete(clientId);
    }
    this.#clientIds.write(rows);
    this.#connection.run(this.#statements.place, state.id, state.settledSeq, blockOf(entries));
    const last = entries.at(-1);
    if (last) this.#connection.run(this.#statements.head, state.settledSeq, headBytes(last.head), state.id);
    if (state.tail.length === 0) {
      state.tailClientIds.clear();
      state.waitingSince = 0;
      this.#waiting.delete(state.id);
    }
    this.#tailLength -= entries.length;
    return entries.length;
  }

  /** Bytes of a device's entries that are not in `device_bytes` yet. */
  tailBytes(device: number): number {
    return this.#tailBytes.get(device) ?? 0;
  }

  #settleBytes(entries: readonly TailEntry[]): void {
    const settled = new Map<number, number>();
    for (const { device, sizeBytes } of entries) settled.set(device, (settled.get(device) ?? 0) + sizeBytes);
    for (const [device, sizeBytes] of settled) {
      this.#connection.run(this.#statements.addBytes, device, sizeBytes);
      this.#tailBytes.set(device, this.tailBytes(device) - sizeBytes);
    }
  }

  /** Reads every entry that has not settled, anew, and with them the heads of their rooms. */
  reload(): void {
    this.#unwritten = [];
    this.#rooms.clear();
    this.#waiting.clear();
    this.#tailLength = 0;
    this.#tailBytes.clear();
    const below = this.#connection.prepare("SELECT value FROM meta WHERE key = 'settled-below'").get() as {
      value: number;
    };
    this.#nextId = below.value;
    const rows = this.#connection.prepare("SELECT id, room, bytes FROM entries WHERE id >= ? ORDER BY id");
    for (const row of rows.iterate(below.value)) {
      const { id, room, bytes } = row as { id: number; room: number; bytes: Uint8Array };
      const { seq, sender, clientId } = decodeRoomLogEntry(bytes);
      this.#nextId = id + 1;
      const state = this.byNumber(room);
      if (seq <= state.settledSeq) continue;
      if (seq !== state.headSeq + 1) throw new Error("an entry is missing");
      const device = this.#devices.find(sender);
      if (device === undefined) throw new Error("a sender is missing");
      this.#extendTail(state, id, { device, clientId, bytes });
    }
  }
}
