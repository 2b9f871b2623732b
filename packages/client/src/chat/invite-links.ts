import type { DeviceAddress } from "@parley/protocol";
import { bytesEqual, idText, LIMITS, ProtocolError } from "@parley/protocol";
import type { HostAddress, Signer } from "@parley/trust";
import { formatInviteLink, inviteSecretHash, joinMac, Secret } from "@parley/trust";
import type { Clock } from "../connection/clock.ts";
import type { RelayConnection } from "../connection/connection.ts";
import type { LogView } from "../log/log-replica.ts";
import type { StatementBook } from "../people/statement-book.ts";
import type { AccountDirectory } from "../rooms/account-directory.ts";
import { NotAuthorised } from "../rooms/authorization.ts";
import type { StoredInvitation, StoredInviteLink } from "../rooms/inbox.ts";
import { sealInboxItem } from "../rooms/inbox-item.ts";
import type { ClientStore, StoreChange } from "../store/client-store.ts";
import { decodeRecord, encodeRecord } from "../store/record.ts";

const INVITE_ID_BYTES = 16;
const SECRET_BYTES = 32;
const DEFAULT_LIFETIME_MS = 24 * 60 * 60 * 1000;
const GREETING_KEY = "greeting";

/**
 * The invite that brought this account here: its maker lets us into their room when we prove that we came by it
 * (trust.md §A1, SecureJoin). SECRET.
 */
export interface Greeting {
  readonly inviter: Uint8Array;
  readonly invite: Uint8Array;
  readonly secret: Uint8Array;
  readonly room?: Uint8Array | undefined;
  /** How the inviter saw the server's log. */
  readonly view?: LogView | undefined;
  /** The relay has it. */
  readonly posted: boolean;
}

/** Puts the greeting among the first things an account stores. */
export function greetingChange(greeting: Greeting): StoreChange {
  return { kind: "put", collection: "value", key: GREETING_KEY, value: encodeRecord(greeting) };
}

/** What invite links are made of. */
export interface InviteLinkOptions {
  readonly store: ClientStore;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly directory: AccountDirectory;
  readonly statements: StatementBook;
  readonly me: DeviceAddress;
  readonly signer: Signer;
  readonly address: HostAddress;
  readonly serverId: Uint8Array;
  /** How this device sees the server's log. */
  readonly view: () => LogView | undefined;
}

/** Invite links from both ends: those this account made, and the one it came by. */
export class InviteLinks {
  readonly #options: InviteLinkOptions;
  #greeting: Greeting | undefined;

  constructor(options: InviteLinkOptions) {
    this.#options = options;
    const greeting = options.store.get("value", GREETING_KEY);
    this.#greeting = greeting && decodeRecord<Greeting>(greeting);
  }

  /** A link for one guest, into `room` if given. Its secret is on disk before the relay hears of it. */
  async create(
    connection: RelayConnection,
    room: Uint8Array | undefined,
    ttlMs = DEFAULT_LIFETIME_MS,
  ): Promise<string> {
    const { store, clock, randomBytes, me, address, serverId } = this.#options;
    const id = randomBytes(INVITE_ID_BYTES);
    const secret = new Secret(randomBytes(SECRET_BYTES));
    const expiresAtMs = clock.nowMs() + Math.min(ttlMs, LIMITS.inviteLifetimeMs);
    const link: StoredInviteLink = { secret: secret.expose(), room, expiresAtMs };
    store.write([{ kind: "put", collection: "invite-link", key: idText(id), value: encodeRecord(link) }]);
    const secretHash = inviteSecretHash(secret);
    await connection.request({ kind: "create-invite", id, secretHash, expiresAtMs, uses: 1 }, "done");
    return formatInviteLink({
      ...address,
      serverId,
      inviter: me.account,
      id,
      secret,
      expiresAtMs,
      room,
      checkpoint: this.#options.view(),
    });
  }

  /** Tells the maker of our link, once, that we came by it; we know their account from the link. */
  async greet(connection: RelayConnection): Promise<void> {
    const greeting = this.#greeting;
    if (!greeting || greeting.posted) return;
    const { store, directory, statements, me, signer, serverId } = this.#options;
    const { inviter, invite } = greeting;
    const secret = new Secret(greeting.secret);
    const checkpoint = this.#options.view();
    const mac = joinMac({ secret, account: me.account, deviceKey: signer.publicKey, serverId, checkpoint });
    const item = await sealInboxItem(
      { kind: "join-request", invite, mac, checkpoint },
      { sender: me, signer, recipient: inviter },
    );
    const posted: Greeting = { ...greeting, posted: true };
    try {
      await connection.request({ kind: "post-inbox", account: inviter, item }, "done");
      const checked = statements.about(await directory.state(inviter), "invite");
      store.write([greetingChange(posted), statements.change(checked)]);
      statements.adopt(checked);
    } catch (error) {
      // Whoever invited us is gone: no reason to try for ever, and none to have no connection.
      const isGone = error instanceof NotAuthorised || (error instanceof ProtocolError && !error.retryable);
      if (!isGone) throw error;
      store.write([greetingChange(posted)]);
    }
    this.#greeting = posted;
  }

  /** How the maker of the link that brought this account here saw the server's log, while that is of interest. */
  get inviterView(): LogView | undefined {
    return this.#greeting?.view;
  }

  /** Whether this is the invitation that our link promised: following the link accepted it. */
  expects(invitation: StoredInvitation): boolean {
    const { room, inviter } = this.#greeting ?? {};
    return !!room && !!inviter && bytesEqual(room, invitation.room) && bytesEqual(inviter, invitation.from);
  }

  /** The promise is kept. */
  arrived(): void {
    this.#greeting = undefined;
    this.#options.store.write([{ kind: "delete", collection: "value", key: GREETING_KEY }]);
  }

  /** Links of ours whose guest has come and is not in the link's room yet. */
  guests(): readonly {
    readonly link: string;
    readonly account: Uint8Array;
    readonly room: Uint8Array | undefined;
  }[] {
    return this.#options.store.range("invite-link").flatMap(([link, value]) => {
      const { usedBy, room } = decodeRecord<StoredInviteLink>(value);
      return usedBy ? [{ link, account: usedBy, room }] : [];
    });
  }

  /** The guest is in: the link is done with. */
  finished(link: string): void {
    this.#options.store.write([{ kind: "delete", collection: "invite-link", key: link }]);
  }
}
