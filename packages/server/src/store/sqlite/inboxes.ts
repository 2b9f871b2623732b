import type { StatementSync } from "node:sqlite";
import type { DeviceAddress } from "@parley/protocol";
import { LIMITS, ProtocolError } from "@parley/protocol";
import type { InboxAppended, InboxDelivery, InboxItem, InboxPost, ReadLimits } from "../contract.ts";
import type { Connection } from "./connection.ts";
import type { DeviceNumbers } from "./devices.ts";
import type { RoomLogs } from "./room-log.ts";
import type { StoredBytesOf } from "./stored-bytes.ts";

/** First byte of a dedupe key as it is stored: who chose the rest. */
const KEY_OF_WELCOME = 0;
const KEY_OF_CALLER = 1;
const MAX_KEY_BYTES = 64;

interface Delivery {
  readonly to: number;
  readonly from: number;
  readonly key: Uint8Array;
  readonly item: Uint8Array;
  readonly nowMs: number;
}

/** Steps on devices' inboxes, and the one that carries Welcomes from a room into them. */
export class Inboxes {
  readonly #connection: Connection;
  readonly #devices: DeviceNumbers;
  readonly #logs: RoomLogs;
  readonly #storedBytes: StoredBytesOf;
  readonly #statements: Record<
    | "head"
    | "setHead"
    | "byKey"
    | "addKey"
    | "addItem"
    | "read"
    | "acknowledge"
    | "welcomes"
    | "forgetWelcome"
    | "roomsWithWelcomes",
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
    this.#statements = {
      head: connection.prepare("SELECT inbox_head FROM devices WHERE id = ?"),
      setHead: connection.prepare("UPDATE devices SET inbox_head = ? WHERE id = ?"),
      byKey: connection.prepare(
        "SELECT seq, received_at_ms FROM inbox_keys WHERE device = ? AND dedupe_key = ?",
      ),
      addKey: connection.prepare("INSERT INTO inbox_keys VALUES (?, ?, ?, ?)"),
      addItem: connection.prepare(
        "INSERT INTO inbox_items (device, seq, sender, received_at_ms, item) VALUES (?, ?, ?, ?, ?)",
      ),
      read: connection.prepare(
        "SELECT seq, sender, received_at_ms, item FROM inbox_items WHERE device = ? AND seq > ? ORDER BY seq LIMIT ?",
      ),
      acknowledge: connection.prepare("DELETE FROM inbox_items WHERE device = ? AND seq <= ?"),
      welcomes: connection.prepare(
        "SELECT id, seq, device, sender, kept_at_ms, item FROM welcomes WHERE room = ? ORDER BY id",
      ),
      forgetWelcome: connection.prepare("DELETE FROM welcomes WHERE id = ?"),
      roomsWithWelcomes: connection.prepare("SELECT DISTINCT room FROM welcomes"),
    };
  }

  append({ device, from, item, dedupeKey, nowMs, quotaBytes }: InboxPost): InboxAppended {
    if (item.length > LIMITS.inboxItemBytes) throw new ProtocolError("too-large", "inbox item");
    if (dedupeKey.length === 0 || dedupeKey.length > MAX_KEY_BYTES)
      throw new ProtocolError("malformed", "dedupe key");
    const to = this.#devices.intern(device);
    const key = Uint8Array.of(KEY_OF_CALLER, ...dedupeKey);
    return this.#deliver({ to, from: this.#devices.intern(from), key, item, nowMs }, () => {
      if (quotaBytes === undefined) return;
      const waiting = this.#storedBytes.inInboxes(device.account);
      if (waiting + item.length > quotaBytes) throw new ProtocolError("over-quota", "inbox");
    });
  }

  #deliver({ to, from, key, item, nowMs }: Delivery, checkQuota = () => {}): InboxAppended {
    const first = this.#statements.byKey.get(to, key) as { seq: number; received_at_ms: number } | undefined;
    if (first) return { seq: first.seq, receivedAtMs: first.received_at_ms, duplicate: true };
    checkQuota();
    const { inbox_head } = this.#statements.head.get(to) as { inbox_head: number };
    const seq = inbox_head + 1;
    this.#connection.run(this.#statements.setHead, seq, to);
    this.#connection.run(this.#statements.addKey, to, key, seq, nowMs);
    this.#connection.run(this.#statements.addItem, to, seq, from, nowMs, item);
    return { seq, receivedAtMs: nowMs, duplicate: false };
  }

  read(address: DeviceAddress, afterSeq: number, { maxEntries, maxBytes }: ReadLimits): readonly InboxItem[] {
    const device = this.#devices.find(address);
    if (device === undefined) return [];
    const items: InboxItem[] = [];
    let sizeBytes = 0;
    for (const value of this.#statements.read.iterate(device, afterSeq, maxEntries)) {
      const row = value as { seq: number; sender: number; received_at_ms: number; item: Uint8Array };
      sizeBytes += row.item.length;
      if (items.length > 0 && sizeBytes > maxBytes) break;
      const from = this.#devices.address(row.sender);
      items.push({ seq: row.seq, from, receivedAtMs: row.received_at_ms, item: row.item });
    }
    return items;
  }

  acknowledge(address: DeviceAddress, upTo: number): void {
    const device = this.#devices.find(address);
    if (device !== undefined) this.#connection.run(this.#statements.acknowledge, device, upTo);
  }

  deliverPending(room: Uint8Array): readonly InboxDelivery[] {
    const state = this.#logs.find(room);
    if (!state) return [];
    const rows = this.#statements.welcomes.all(state.id) as {
      id: number;
      seq: number;
      device: number;
      sender: number;
      kept_at_ms: number;
      item: Uint8Array;
    }[];
    const deliveries: InboxDelivery[] = [];
    for (const { id, seq, device: to, sender, kept_at_ms: nowMs, item } of rows) {
      const key = welcomeKey(room, seq);
      const {
        seq: inboxSeq,
        receivedAtMs,
        duplicate,
      } = this.#deliver({ to, from: sender, key, item, nowMs });
      this.#connection.run(this.#statements.forgetWelcome, id);
      if (duplicate) continue;
      const from = this.#devices.address(sender);
      deliveries.push({
        device: this.#devices.address(to),
        item: { seq: inboxSeq, from, receivedAtMs, item },
      });
    }
    return deliveries;
  }

  pendingDeliveries(): readonly Uint8Array[] {
    const rows = this.#statements.roomsWithWelcomes.all() as { room: number }[];
    return rows.map(({ room }) => this.#logs.byNumber(room).room);
  }
}

function welcomeKey(room: Uint8Array, seq: number): Uint8Array {
  const key = Buffer.alloc(1 + 16 + 8, KEY_OF_WELCOME);
  key.set(room, 1);
  key.writeBigUInt64BE(BigInt(seq), 17);
  return key;
}
