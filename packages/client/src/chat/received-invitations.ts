import type { StoredInvitation } from "../rooms/inbox.ts";
import type { Room } from "../rooms/room.ts";
import type { RoomRegistry } from "../rooms/room-registry.ts";
import type { ClientStore } from "../store/client-store.ts";
import { decodeRecord } from "../store/record.ts";
import { ChatError } from "./chat.ts";
import { inBackground } from "./commands.ts";
import type { InviteLinks } from "./invite-links.ts";

/** What invitations need of the chat around them. */
export interface ReceivedInvitationsOptions {
  readonly store: ClientStore;
  readonly rooms: Pick<RoomRegistry, "join">;
  readonly links: Pick<InviteLinks, "expects" | "arrived">;
  /** Throws ChatError for an inviter whose keys the user's policy does not believe yet. */
  readonly requireInviter: (account: Uint8Array) => Promise<void>;
  readonly onChange: () => void;
  readonly onFault: (error: unknown) => void;
}

/** The invitations that wait for the user's answer. */
export class ReceivedInvitations {
  readonly #options: ReceivedInvitationsOptions;
  readonly #waiting = new Map<string, StoredInvitation>();

  constructor(options: ReceivedInvitationsOptions) {
    this.#options = options;
  }

  /** Reads those on disk. */
  load(): void {
    for (const [id, value] of this.#options.store.range("invitation")) {
      this.#waiting.set(id, decodeRecord<StoredInvitation>(value));
    }
  }

  all(): Iterable<readonly [id: string, invitation: StoredInvitation]> {
    return this.#waiting;
  }

  /** One that is on disk has come. */
  received(id: string, invitation: StoredInvitation): void {
    this.#waiting.set(id, invitation);
    this.#options.onChange();
    this.acceptExpected();
  }

  /** @returns the id of the room. Throws ChatError. */
  async accept(id: string): Promise<string> {
    const from = this.#waiting.get(id)?.from;
    if (from) await this.#options.requireInviter(from);
    const room = await this.#join(id, "active");
    room.send({ kind: "joined" });
    return room.roomText;
  }

  /** Declining is joining unseen and leaving at once: the members see that nobody is behind the leaf. Throws ChatError. */
  async decline(id: string): Promise<void> {
    await this.#join(id, "leaving");
  }

  /** Accepts what following a link has accepted already. */
  acceptExpected(): void {
    const { links, onFault } = this.#options;
    for (const [id, invitation] of this.#waiting) {
      if (!links.expects(invitation)) continue;
      inBackground(
        this.accept(id).then(() => links.arrived()),
        onFault,
      );
    }
  }

  async #join(id: string, state: "active" | "leaving"): Promise<Room> {
    const invitation = this.#waiting.get(id);
    if (!invitation) throw new ChatError("no-such-invitation", "there is no such invitation");
    try {
      const room = await this.#options.rooms.join(id, invitation, state);
      this.#waiting.delete(id);
      return room;
    } catch (error) {
      const isOver =
        error instanceof ChatError && (error.code === "refused" || error.code === "no-such-invitation");
      if (isOver) this.#forget(id);
      throw error;
    } finally {
      this.#options.onChange();
    }
  }

  #forget(id: string): void {
    this.#waiting.delete(id);
    this.#options.store.write([{ kind: "delete", collection: "invitation", key: id }]);
  }
}
