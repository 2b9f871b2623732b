import type { StatementSync } from "node:sqlite";
import { bytesEqual } from "@parley/protocol";
import type { ServerRecord } from "../contract.ts";
import type { Connection } from "./connection.ts";
import { INBOX_BASE } from "./devices.ts";

/** Steps on the server's own values. */
export class ServerRecords {
  readonly #connection: Connection;
  readonly #statements: Record<"get" | "put" | "generation" | "bump" | "liftInboxes", StatementSync>;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#statements = {
      get: connection.prepare("SELECT version, bytes FROM records WHERE name = ?"),
      put: connection.prepare("INSERT OR REPLACE INTO records (name, version, bytes) VALUES (?, ?, ?)"),
      generation: connection.prepare("SELECT value FROM meta WHERE key = 'generation'"),
      bump: connection.prepare("UPDATE meta SET value = max(value + 1, ?) WHERE key = 'generation'"),
      liftInboxes: connection.prepare(`UPDATE devices SET inbox_head = max(inbox_head, ${INBOX_BASE})`),
    };
  }

  get(name: string): ServerRecord | undefined {
    const row = this.#statements.get.get(name) as ServerRecord | undefined;
    return row && { version: row.version, bytes: row.bytes };
  }

  put(name: string, expectedVersion: number, bytes: Uint8Array): number | undefined {
    const current = this.get(name);
    const version = expectedVersion + 1;
    if (current?.version === version && bytesEqual(current.bytes, bytes)) return version;
    if ((current?.version ?? 0) !== expectedVersion) return undefined;
    this.#connection.run(this.#statements.put, name, version, bytes);
    return version;
  }

  generation(): number {
    return (this.#statements.generation.get() as { value: number }).value;
  }

  bumpGeneration(atLeast: number): number {
    this.#connection.run(this.#statements.bump, atLeast);
    this.#connection.run(this.#statements.liftInboxes);
    return this.generation();
  }
}
