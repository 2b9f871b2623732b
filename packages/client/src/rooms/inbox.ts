import type { DeviceAddress } from "@parley/protocol";
import { idText, ProtocolError } from "@parley/protocol";
import type { LedgerStatement } from "@parley/trust";
import { Secret, verifyJoinMac } from "@parley/trust";
import type { Clock } from "../connection/clock.ts";
import type { Delivery, RelayConnection } from "../connection/connection.ts";
import { ConnectionError } from "../connection/connection.ts";
import type { LogView } from "../log/log-replica.ts";
import type { StatementBook } from "../people/statement-book.ts";
import type { ClientStore, StoreChange } from "../store/client-store.ts";
import { decodeRecord, encodeRecord, seqKey } from "../store/record.ts";
import type { AccountDirectory } from "./account-directory.ts";
import { NotAuthorised } from "./authorization.ts";
import type { InboxBody } from "./inbox-item.ts";
import { openInboxItem } from "./inbox-item.ts";

const CURSOR_KEY = "inbox-cursor";

/** An invitation that waits for an answer. */
export interface StoredInvitation {
  readonly room: Uint8Array;
  readonly epoch: number;
  readonly direct: boolean;
  readonly from: Uint8Array;
  readonly welcome: Uint8Array;
  readonly receivedAtMs: number;
}

/** An invite link this account made. SECRET. `usedBy`: the guest who came, until they are in the room. */
export interface StoredInviteLink {
  readonly secret: Uint8Array;
  readonly room?: Uint8Array | undefined;
  readonly expiresAtMs: number;
  readonly usedBy?: Uint8Array | undefined;
}

type Item = Extract<Delivery, { kind: "inbox-item" }>;

/** What an inbox item came to. */
export type InboxOutcome =
  | { readonly kind: "invitation"; readonly id: string; readonly invitation: StoredInvitation }
  /** Somebody came by a link of ours and proved it. */
  | {
      readonly kind: "guest";
      readonly link: string;
      readonly account: Uint8Array;
      /** How the guest sees the server's log. */
      readonly view: LogView | undefined;
    }
  /** Not for us, forged, or used up: nothing to show. */
  | { readonly kind: "ignored" };

/** What an item does, and what is written with it. */
interface Effect {
  readonly outcome: InboxOutcome;
  readonly changes: readonly StoreChange[];
  /** A check that counts once this is on disk. */
  readonly checked?: LedgerStatement;
}

/** When it does not get there, the next acknowledgement says the same. */
async function acknowledge(upTo: number, connection: RelayConnection): Promise<void> {
  try {
    await connection.request({ kind: "acknowledge-inbox", upTo }, "done");
  } catch (error) {
    if (!(error instanceof ConnectionError) && !(error instanceof ProtocolError)) throw error;
  }
}

/** This device's inbox: each item is processed once, its effect and the cursor in one write. */
export class Inbox {
  readonly #store: ClientStore;
  readonly #directory: AccountDirectory;
  readonly #statements: StatementBook;
  readonly #me: DeviceAddress;
  readonly #serverId: Uint8Array;
  readonly #clock: Clock;
  #cursor: number;

  constructor(options: {
    readonly store: ClientStore;
    readonly directory: AccountDirectory;
    readonly statements: StatementBook;
    readonly me: DeviceAddress;
    readonly serverId: Uint8Array;
    readonly clock: Clock;
  }) {
    this.#store = options.store;
    this.#directory = options.directory;
    this.#statements = options.statements;
    this.#me = options.me;
    this.#serverId = options.serverId;
    this.#clock = options.clock;
    const stored = options.store.get("value", CURSOR_KEY);
    this.#cursor = stored ? decodeRecord<{ cursor: number }>(stored).cursor : 0;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** Processes one item, and tells the relay that it may forget it. Throws `DirectoryUnavailable`: it comes again. */
  async process(item: Item, connection: RelayConnection): Promise<InboxOutcome> {
    if (item.seq <= this.#cursor) return { kind: "ignored" };
    const { outcome, changes, checked } = await this.#effectOf(item);
    const cursor = encodeRecord({ cursor: item.seq });
    this.#store.write([...changes, { kind: "put", collection: "value", key: CURSOR_KEY, value: cursor }]);
    this.#cursor = item.seq;
    if (checked) this.#statements.adopt(checked);
    await acknowledge(item.seq, connection);
    return outcome;
  }

  async #effectOf(item: Item): Promise<Effect> {
    const nothing = { outcome: { kind: "ignored" } as const, changes: [] };
    let body: InboxBody;
    try {
      const expected = { sender: item.from, recipient: this.#me.account };
      body = await openInboxItem(item.item, expected, (device) => this.#directory.deviceKey(device));
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof NotAuthorised) return nothing;
      throw error;
    }
    if (body.kind === "join-request") return (await this.#guest(item, body)) ?? nothing;
    const invitation: StoredInvitation = {
      room: body.room.slice(),
      epoch: body.epoch,
      direct: body.direct,
      from: item.from.account.slice(),
      welcome: body.message.slice(),
      receivedAtMs: item.receivedAtMs,
    };
    const id = seqKey(item.seq);
    return {
      outcome: { kind: "invitation", id, invitation },
      changes: [{ kind: "put", collection: "invitation", key: id, value: encodeRecord(invitation) }],
    };
  }

  /** trust.md §A1: the guest's proof is checked here, not at the relay, and a link admits one guest (T16). */
  async #guest(item: Item, { invite, mac, checkpoint: view }: Extract<InboxBody, { kind: "join-request" }>) {
    const key = idText(invite);
    const value = this.#store.get("invite-link", key);
    const link = value && decodeRecord<StoredInviteLink>(value);
    const deviceKey = await this.#directory.deviceKey(item.from);
    if (!link || !deviceKey || link.usedBy || link.expiresAtMs < this.#clock.nowMs()) return undefined;
    const { account } = item.from;
    const proof = {
      secret: new Secret(link.secret),
      account,
      deviceKey,
      serverId: this.#serverId,
      checkpoint: view,
    };
    if (!verifyJoinMac(proof, mac)) return undefined;
    const used: StoredInviteLink = { ...link, usedBy: account.slice() };
    const checked = this.#statements.about(await this.#directory.state(account), "invite");
    const changes: StoreChange[] = [
      this.#statements.change(checked),
      { kind: "put", collection: "invite-link", key, value: encodeRecord(used) },
    ];
    return {
      outcome: { kind: "guest", link: key, account: account.slice(), view } as const,
      changes,
      checked,
    };
  }
}
