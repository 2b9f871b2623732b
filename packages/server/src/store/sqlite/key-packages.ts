import { hash } from "node:crypto";
import type { StatementSync } from "node:sqlite";
import type { DeviceAddress } from "@parley/protocol";
import { LIMITS, ProtocolError } from "@parley/protocol";
import type { KeyPackagePut, TakenKeyPackage } from "../contract.ts";
import type { Connection } from "./connection.ts";
import type { DeviceNumbers } from "./devices.ts";
import type { ServerRecords } from "./server-records.ts";

/** Steps on devices' key packages. */
export class KeyPackages {
  readonly #connection: Connection;
  readonly #devices: DeviceNumbers;
  readonly #records: ServerRecords;
  readonly #statements: Record<
    | "known"
    | "add"
    | "setLastResort"
    | "stock"
    | "oldest"
    | "take"
    | "lastResort"
    | "clear"
    | "clearLastResort",
    StatementSync
  >;

  constructor(connection: Connection, devices: DeviceNumbers, records: ServerRecords) {
    this.#connection = connection;
    this.#devices = devices;
    this.#records = records;
    const inStock = "device = ? AND generation = ? AND package IS NOT NULL";
    this.#statements = {
      known: connection.prepare("SELECT 1 FROM key_packages WHERE device = ? AND hash = ?"),
      add: connection.prepare(
        "INSERT INTO key_packages (device, hash, generation, package) VALUES (?, ?, ?, ?)",
      ),
      setLastResort: connection.prepare(
        "INSERT OR REPLACE INTO last_resorts (device, package) VALUES (?, ?)",
      ),
      stock: connection.prepare(`SELECT count(*) AS count FROM key_packages WHERE ${inStock}`),
      oldest: connection.prepare(`SELECT id, package FROM key_packages WHERE ${inStock} ORDER BY id LIMIT 1`),
      take: connection.prepare("UPDATE key_packages SET package = NULL, taken_at_ms = ? WHERE id = ?"),
      lastResort: connection.prepare("SELECT package FROM last_resorts WHERE device = ?"),
      clear: connection.prepare(
        "UPDATE key_packages SET package = NULL, taken_at_ms = ? WHERE device = ? AND package IS NOT NULL",
      ),
      clearLastResort: connection.prepare("DELETE FROM last_resorts WHERE device = ?"),
    };
  }

  put({ device, packages, lastResort }: KeyPackagePut): number {
    const all = lastResort ? [...packages, lastResort] : packages;
    if (all.some(({ length }) => length > LIMITS.keyPackageBytes))
      throw new ProtocolError("too-large", "key package");
    const known = this.#devices.find(device);
    const fresh = new Map<string, { digest: Uint8Array; bytes: Uint8Array }>();
    for (const bytes of packages) {
      const digest = hash("sha256", bytes, "buffer");
      const isKnown = known !== undefined && this.#statements.known.get(known, digest) !== undefined;
      if (!isKnown) fresh.set(digest.toString("hex"), { digest, bytes });
    }
    const stock = this.stock(device) + fresh.size;
    if (stock > LIMITS.keyPackageStock) throw new ProtocolError("too-large", "key package stock");
    const number = this.#devices.intern(device);
    const generation = this.#records.generation();
    for (const { digest, bytes } of fresh.values()) {
      this.#connection.run(this.#statements.add, number, digest, generation, bytes);
    }
    if (lastResort) this.#connection.run(this.#statements.setLastResort, number, lastResort);
    return stock;
  }

  stock(address: DeviceAddress): number {
    const device = this.#devices.find(address);
    if (device === undefined) return 0;
    return (this.#statements.stock.get(device, this.#records.generation()) as { count: number }).count;
  }

  take(address: DeviceAddress, nowMs: number): TakenKeyPackage | undefined {
    const device = this.#devices.find(address);
    if (device === undefined) return undefined;
    const oldest = this.#statements.oldest.get(device, this.#records.generation()) as
      | { id: number; package: Uint8Array }
      | undefined;
    if (oldest) {
      this.#connection.run(this.#statements.take, nowMs, oldest.id);
      return { keyPackage: oldest.package, lastResort: false };
    }
    const row = this.#statements.lastResort.get(device) as { package: Uint8Array } | undefined;
    return row && { keyPackage: row.package, lastResort: true };
  }

  clear(address: DeviceAddress, nowMs: number): void {
    const device = this.#devices.find(address);
    if (device === undefined) return;
    this.#connection.run(this.#statements.clear, nowMs, device);
    this.#connection.run(this.#statements.clearLastResort, device);
  }
}
