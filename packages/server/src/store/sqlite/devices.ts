import type { StatementSync } from "node:sqlite";
import type { DeviceAddress } from "@parley/protocol";
import { deviceText, ProtocolError } from "@parley/protocol";
import type { Connection } from "./connection.ts";

/** Throws `malformed` unless `bytes` has `length` bytes. */
export function expectLength(bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new ProtocolError("malformed", "identifier");
}

/** SQL: the number below which no inbox item is given a number in this restore generation; far apart for each. */
export const INBOX_BASE = "((SELECT value FROM meta WHERE key = 'generation') - 1) * 1048576";

const MAX_CACHED_DEVICES = 200_000;

/** Devices by the small numbers that tables use for them. */
export class DeviceNumbers {
  readonly #connection: Connection;
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  readonly #get: StatementSync;
  readonly #ids = new Map<string, number>();
  /** Spares those who ask with the same object again the making of a key. */
  #idsByObject = new WeakMap<DeviceAddress, number>();
  readonly #addresses = new Map<number, DeviceAddress>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#find = connection.prepare("SELECT id FROM devices WHERE account = ? AND number = ?");
    this.#insert = connection.prepare(
      `INSERT INTO devices (account, number, inbox_head) VALUES (?, ?, ${INBOX_BASE}) RETURNING id`,
    );
    this.#get = connection.prepare("SELECT account, number FROM devices WHERE id = ?");
  }

  /** @returns the device's number, if it has one. */
  find(address: DeviceAddress): number | undefined {
    const known = this.#idsByObject.get(address);
    if (known !== undefined) return known;
    const id = this.#findByKey(address);
    if (id !== undefined) this.#idsByObject.set(address, id);
    return id;
  }

  #findByKey(address: DeviceAddress): number | undefined {
    const key = this.#key(address);
    const cached = this.#ids.get(key);
    if (cached !== undefined) return cached;
    const row = this.#find.get(address.account, address.device) as { id: number } | undefined;
    if (row) this.#remember(row.id, key, address);
    return row?.id;
  }

  /** @returns the device's number, giving it one if need be (a write). */
  intern(address: DeviceAddress): number {
    const found = this.find(address);
    if (found !== undefined) return found;
    this.#connection.writes++;
    const { id } = this.#insert.get(address.account, address.device) as { id: number };
    this.#remember(id, this.#key(address), address);
    return id;
  }

  /** @returns the device that has number `id`. */
  address(id: number): DeviceAddress {
    const cached = this.#addresses.get(id);
    if (cached) return cached;
    const { account, number } = this.#get.get(id) as { account: Uint8Array; number: number };
    const address = { account, device: number };
    this.#remember(id, this.#key(address), address);
    return address;
  }

  /** Forgets what a batch that came to nothing may have numbered. */
  forget(): void {
    this.#ids.clear();
    this.#idsByObject = new WeakMap();
    this.#addresses.clear();
  }

  #key({ account, device }: DeviceAddress): string {
    expectLength(account, 32);
    return deviceText({ account, device });
  }

  #remember(id: number, key: string, { account, device }: DeviceAddress): void {
    if (this.#ids.size >= MAX_CACHED_DEVICES) this.forget();
    this.#ids.set(key, id);
    this.#addresses.set(id, { account: account.slice(), device });
  }
}
