import { bytesEqual, idText, ProtocolError } from "@parley/protocol";
import type { TrustSubject, VouchOutcome, VouchStatement } from "@parley/trust";
import { decodeVouch, encodeVouch, keepVouch, subjectText, TrustError } from "@parley/trust";
import type { ClientStore } from "../store/client-store.ts";
import { keysUnder } from "../store/client-store.ts";
import { decodeRecord, encodeRecord } from "../store/record.ts";

/**
 * What members have vouched for, as it came inside their encrypted messages, and what this account has vouched for
 * itself: the newest statement of each issuer about each subject (trust.md §C). What the statements are worth is found
 * out at each read.
 */
export class VouchBook {
  readonly #store: ClientStore;

  constructor(store: ClientStore) {
    this.#store = store;
  }

  all(): readonly VouchStatement[] {
    return this.bytes().map(decodeVouch);
  }

  /** All statements in their canonical bytes. */
  bytes(): readonly Uint8Array[] {
    return this.#store.range("vouch").map(([, value]) => value);
  }

  /** What an issuer says of a subject, if anything. */
  find(issuer: Uint8Array, subject: TrustSubject): VouchStatement | undefined {
    const value = this.#store.get("vouch", keyOf(issuer, subject));
    return value && decodeVouch(value);
  }

  /**
   * Keeps a statement that `sender` sent inside an encrypted message, written when this returns; the same again changes
   * nothing. Nobody can send another's. Throws ProtocolError `malformed`.
   */
  receive(bytes: Uint8Array, sender: Uint8Array, nowMs: number): [VouchStatement, VouchOutcome] {
    const statement = decoded(bytes);
    if (!bytesEqual(statement.body.issuer.account, sender)) throw new ProtocolError("malformed", "vouch");
    return [statement, this.keep(statement, nowMs)];
  }

  /** Keeps a statement, unless a newer one is there or the issuer has too many. */
  keep(statement: VouchStatement, nowMs: number): VouchOutcome {
    const { issuer, subject } = statement.body;
    const others = this.#store
      .range("vouch", keysUnder(`${idText(issuer.account)}/`))
      .map(([, value]) => decodeVouch(value));
    const { outcome } = keepVouch(others, statement, nowMs);
    if (outcome === "kept") {
      const key = keyOf(issuer.account, subject);
      this.#store.write([{ kind: "put", collection: "vouch", key, value: encodeVouch(statement) }]);
    }
    return outcome;
  }

  /** The rooms that were told of the own vouch for a subject, and so must be told of its end. */
  toldRooms(subject: TrustSubject): readonly string[] {
    const value = this.#store.get("value", toldKey(subject));
    return value ? decodeRecord<{ rooms: readonly string[] }>(value).rooms : [];
  }

  /** Remembers that a room is being told. */
  told(subject: TrustSubject, room: string): void {
    const rooms = [...new Set([...this.toldRooms(subject), room])];
    this.#store.write([
      { kind: "put", collection: "value", key: toldKey(subject), value: encodeRecord({ rooms }) },
    ]);
  }
}

function keyOf(issuer: Uint8Array, subject: TrustSubject): string {
  return `${idText(issuer)}/${subjectText(subject)}`;
}

function toldKey(subject: TrustSubject): string {
  return `vouch-told/${subjectText(subject)}`;
}

function decoded(bytes: Uint8Array): VouchStatement {
  try {
    return decodeVouch(bytes);
  } catch (error) {
    if (error instanceof TrustError) throw new ProtocolError("malformed", "vouch");
    throw error;
  }
}
