import type { StatementSync } from "node:sqlite";
import type { StoredBytes } from "../contract.ts";
import type { Connection } from "./connection.ts";
import { expectLength } from "./devices.ts";
import type { RoomLogs } from "./room-log.ts";

/** What is stored of an account, from the sums by device. */
export class StoredBytesOf {
  readonly #logs: RoomLogs;
  readonly #statements: Record<"rooms" | "inboxes", StatementSync>;

  constructor(connection: Connection, logs: RoomLogs) {
    this.#logs = logs;
    this.#statements = {
      rooms: connection.prepare(
        `SELECT devices.id AS device, coalesce(device_bytes.bytes, 0) AS bytes
         FROM devices LEFT JOIN device_bytes ON device_bytes.device = devices.id WHERE account = ?`,
      ),
      inboxes: connection.prepare(
        `SELECT coalesce(sum(length(item)), 0) AS bytes
         FROM devices JOIN inbox_items ON inbox_items.device = devices.id WHERE account = ?`,
      ),
    };
  }

  of(account: Uint8Array): StoredBytes {
    return { roomBytes: this.inRooms(account), inboxBytes: this.inInboxes(account) };
  }

  inRooms(account: Uint8Array): number {
    expectLength(account, 32);
    const rows = this.#statements.rooms.all(account) as { device: number; bytes: number }[];
    return rows.reduce((sum, { device, bytes }) => sum + bytes + this.#logs.tailBytes(device), 0);
  }

  inInboxes(account: Uint8Array): number {
    expectLength(account, 32);
    return (this.#statements.inboxes.get(account) as { bytes: number }).bytes;
  }
}
