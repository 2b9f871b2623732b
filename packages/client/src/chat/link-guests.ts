import { idText } from "@parley/protocol";
import type { LogWatch } from "../log/log-watch.ts";
import type { AccountDirectory, Contact } from "../rooms/account-directory.ts";
import type { InboxOutcome } from "../rooms/inbox.ts";
import type { Room } from "../rooms/room.ts";
import type { RoomRegistry } from "../rooms/room-registry.ts";
import { inBackground } from "./commands.ts";
import type { InviteLinks } from "./invite-links.ts";

/** What the guests of invite links need of the chat around them. */
export interface LinkGuestsOptions {
  readonly links: Pick<InviteLinks, "guests" | "finished">;
  readonly directory: Pick<AccountDirectory, "contact" | "nameOf">;
  readonly watch: Pick<LogWatch, "agrees">;
  readonly rooms: Pick<RoomRegistry, "find" | "isMember">;
  /** Throws ChatError. */
  readonly invite: (room: Room, people: readonly Contact[]) => Promise<void>;
  readonly tell: (text: string) => void;
  readonly onFault: (error: unknown) => void;
}

/** Those who came by this account's invite links and are not in the links' rooms yet. */
export class LinkGuests {
  readonly #options: LinkGuestsOptions;

  constructor(options: LinkGuestsOptions) {
    this.#options = options;
  }

  /** One has come, and says what log the server shows them. */
  async came({ link, account, view }: Extract<InboxOutcome, { kind: "guest" }>): Promise<void> {
    const { links, directory, watch, tell } = this.#options;
    if (view && (await watch.agrees(view)) === false) {
      tell(`${directory.nameOf(account)} came by your link, but sees another log of this server: not let in`);
      links.finished(link);
    }
    this.admitAll();
  }

  /** Lets all of them in whom the policy believes. */
  admitAll(): void {
    const { links, rooms, onFault } = this.#options;
    for (const { link, account, room } of links.guests()) {
      inBackground(this.#admit(account, room && rooms.find(idText(room)), link), onFault);
    }
  }

  async #admit(account: Uint8Array, room: Room | undefined, link: string): Promise<void> {
    const { links, directory, rooms, invite } = this.#options;
    const guest = directory.contact(account);
    if (room?.open && guest && !rooms.isMember(room, account)) await invite(room, [guest]);
    links.finished(link);
  }
}
