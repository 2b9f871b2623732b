import { timingSafeEqual } from "node:crypto";
import type { StatementSync } from "node:sqlite";
import { bytesEqual, ProtocolError } from "@parley/protocol";
import type { InviteRecord, InviteUse } from "../contract.ts";
import type { Connection } from "./connection.ts";
import { expectLength } from "./devices.ts";

interface InviteRow {
  readonly id: Uint8Array;
  readonly secret_hash: Uint8Array;
  readonly expires_at_ms: number;
  readonly uses: number;
  readonly inviter: Uint8Array | null;
  readonly used: number;
}

/** Steps on invites. */
export class Invites {
  readonly #connection: Connection;
  readonly #statements: Record<
    "get" | "list" | "add" | "isUser" | "use" | "delete" | "forgetUses",
    StatementSync
  >;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#statements = {
      get: connection.prepare(
        "SELECT *, (SELECT count(*) FROM invite_uses WHERE invite = id) AS used FROM invites WHERE id = ?",
      ),
      list: connection.prepare(
        `SELECT *, (SELECT count(*) FROM invite_uses WHERE invite = id) AS used
         FROM invites WHERE id > ? ORDER BY id LIMIT ?`,
      ),
      delete: connection.prepare("DELETE FROM invites WHERE id = ?"),
      forgetUses: connection.prepare("DELETE FROM invite_uses WHERE invite = ?"),
      add: connection.prepare(
        "INSERT INTO invites (id, secret_hash, expires_at_ms, uses, inviter) VALUES (?, ?, ?, ?, ?)",
      ),
      isUser: connection.prepare("SELECT 1 FROM invite_uses WHERE invite = ? AND account = ?"),
      use: connection.prepare("INSERT INTO invite_uses (invite, account) VALUES (?, ?)"),
    };
  }

  #row(id: Uint8Array): InviteRow | undefined {
    expectLength(id, 16);
    return this.#statements.get.get(id) as InviteRow | undefined;
  }

  create({ id, secretHash, expiresAtMs, uses, inviter }: InviteRecord): void {
    expectLength(secretHash, 32);
    const row = this.#row(id);
    if (!row) {
      this.#connection.run(this.#statements.add, id, secretHash, expiresAtMs, uses, inviter ?? null);
      return;
    }
    const isSameInviter =
      inviter && row.inviter ? bytesEqual(inviter, row.inviter) : !inviter && !row.inviter;
    const isSame =
      isSameInviter &&
      row.uses === uses &&
      row.expires_at_ms === expiresAtMs &&
      timingSafeEqual(row.secret_hash, secretHash);
    if (!isSame) throw new ProtocolError("already-exists", "invite");
  }

  get(id: Uint8Array): InviteRecord | undefined {
    const row = this.#row(id);
    return row && recordOf(row);
  }

  list(afterId: Uint8Array, limit: number): readonly InviteRecord[] {
    return (this.#statements.list.all(afterId, limit) as unknown as InviteRow[]).map(recordOf);
  }

  delete(id: Uint8Array): boolean {
    expectLength(id, 16);
    this.#connection.run(this.#statements.forgetUses, id);
    return this.#connection.run(this.#statements.delete, id) > 0;
  }

  consume({ id, secretHash, account, nowMs }: InviteUse): void {
    expectLength(secretHash, 32);
    expectLength(account, 32);
    const row = this.#row(id);
    if (!row || !timingSafeEqual(row.secret_hash, secretHash)) throw new ProtocolError("invite-invalid");
    if (this.#statements.isUser.get(id, account)) return;
    if (row.expires_at_ms <= nowMs || row.used >= row.uses) throw new ProtocolError("invite-invalid");
    this.#connection.run(this.#statements.use, id, account);
  }
}

function recordOf(row: InviteRow): InviteRecord {
  const { id, secret_hash: secretHash, expires_at_ms: expiresAtMs } = row;
  const inviter = row.inviter ? { inviter: row.inviter } : {};
  return { id, secretHash, expiresAtMs, uses: row.uses - row.used, ...inviter };
}
