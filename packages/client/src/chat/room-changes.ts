import { bytesEqual, idText } from "@parley/protocol";
import type { Contact } from "../rooms/account-directory.ts";
import type { RoomPolicy } from "../rooms/policy.ts";
import { decodePolicy, encodePolicy, isKeepTime, withRole } from "../rooms/policy.ts";
import type { Room } from "../rooms/room.ts";
import { leavesOf } from "../rooms/room-commits.ts";
import type { Role } from "./chat.ts";
import { ChatError } from "./chat.ts";
import { online, requireText } from "./commands.ts";

/**
 * What members change of a room. Each function refuses here, with ChatError, what every other member's client would
 * refuse (docs/protocol.md §5.3).
 */

/** A room's name without white space around it. Throws ChatError `name-invalid`, `too-long`. */
export function requireRoomName(name: string): string {
  const trimmed = requireText(name, "nameBytes", "a room's name");
  if (trimmed === "") throw new ChatError("name-invalid", "a room needs a name");
  return trimmed;
}

export function renameRoom(room: Room, name: string): void {
  const trimmed = requireRoomName(name);
  if (room.record.direct) throw new ChatError("not-allowed", "a direct room has the other person's name");
  if (!room.may("admin")) throw new ChatError("not-allowed", "only an admin may name this room");
  room.send({ kind: "name", name: trimmed });
}

export function setTopic(room: Room, topic: string): void {
  const trimmed = requireText(topic, "topicBytes", "a topic");
  if (!room.may("admin")) throw new ChatError("not-allowed", "only an admin may set the topic here");
  room.send({ kind: "topic", topic: trimmed });
}

/** Somebody as the user called them, and whether they are in the room. */
export interface NamedPerson {
  readonly contact: Contact;
  readonly name: string;
  readonly isMember: boolean;
}

export async function removeMember(room: Room, { contact, name, isMember }: NamedPerson): Promise<void> {
  const role = room.roleOf(contact.account);
  if (!room.may(role === "member" ? "admin" : "owner")) {
    throw new ChatError(
      "not-allowed",
      `only ${role === "member" ? "an admin" : "an owner"} may remove ${name}`,
    );
  }
  if (!isMember) throw notHere(name);
  const { directory } = room.context;
  await online(() =>
    room.commit((group) => {
      const leaves = leavesOf(
        group,
        (identity) => directory.addressOf(identity),
        new Set([idText(contact.account)]),
      );
      return leaves.length > 0 ? { request: { remove: leaves } } : undefined;
    }),
  );
}

export async function setRole(
  room: Room,
  { contact, name, isMember }: NamedPerson,
  role: Role,
): Promise<void> {
  if (!room.may("owner")) throw new ChatError("not-allowed", "only an owner may change roles");
  if (!isMember) throw notHere(name);
  await changeRules(room, (rules) => withRole(rules, contact.account, role));
}

export async function setKeepTime(room: Room, keepMs: number): Promise<void> {
  if (!isKeepTime(keepMs)) throw new ChatError("refused", "a timer runs from 5 seconds to 366 days");
  if (!room.record.direct && !room.may("owner"))
    throw new ChatError("not-allowed", "only an owner may set how long messages stay");
  await changeRules(room, (rules) => ({ ...rules, keepMs }));
}

async function changeRules(room: Room, change: (rules: RoomPolicy) => RoomPolicy): Promise<void> {
  await online(() =>
    room.commit((group) => {
      if (!group.policy) throw new ChatError("internal", "the room has no rules");
      const policy = encodePolicy(change(decodePolicy(group.policy)));
      return bytesEqual(policy, group.policy) ? undefined : { request: { policy } };
    }),
  );
}

function notHere(name: string): ChatError {
  return new ChatError("no-such-person", `${name} is not in this room`);
}
