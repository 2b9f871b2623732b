import type { Member, Role } from "@parley/client";
import type { Command } from "./command.ts";
import { DONE, names, oneName, roomOf, said, UsageError } from "./command.ts";

export const ROLES: readonly Role[] = ["owner", "admin", "member"];

/** The people of a room, and what may be known about them. */
export const PEOPLE_COMMANDS: readonly Command[] = [
  {
    name: "invite",
    aliases: ["i"],
    usage: "[NAME…]",
    help: "ask people into this room; without names: a link for somebody new",
    completes: ["person"],
    async run(context, rest) {
      const people = names(rest);
      if (people.length > 0) {
        await context.chat.invite(roomOf(context).id, people);
        return said(`Invited ${people.join(", ")}`);
      }
      const { room } = context;
      const link = await context.chat.createInviteLink(room && !room.direct ? { room: room.id } : {});
      return {
        kind: "shown",
        title: "A link for one new person",
        lines: [
          room && !room.direct
            ? `It leads to this server and into ${room.name}. It works once; give it to that person only.`
            : "It leads to this server. It works once; give it to that person only.",
          "",
          link,
          "",
          "They run: parley join LINK",
        ],
        copy: link,
      };
    },
  },
  {
    name: "who",
    aliases: ["members"],
    usage: "",
    help: "the people in this room",
    completes: [],
    async run(context) {
      const room = roomOf(context);
      const members = context.chat.members(room.id);
      const remarks = context.chat.people().remarks(room.id);
      return {
        kind: "shown",
        title: `${people(members.length)} in ${room.name}`,
        lines: members.map((member) => memberLine(member, remarks.get(member.account) ?? [])),
      };
    },
  },
  {
    name: "remove",
    aliases: ["kick"],
    usage: "NAME",
    help: "remove somebody from this room",
    completes: ["person"],
    async run(context, rest) {
      await context.chat.removeMember(roomOf(context).id, oneName(rest));
      return DONE;
    },
  },
  {
    name: "role",
    usage: "NAME owner|admin|member",
    help: "say what somebody may do here",
    completes: ["person", "role"],
    async run(context, rest) {
      const [name, role] = names(rest);
      if (name === undefined || !isRole(role))
        throw new UsageError("Who, and what? /role NAME owner|admin|member");
      await context.chat.setRole(roomOf(context).id, name, role);
      return DONE;
    },
  },
];

/** A member on one line: name, role where it is more than member, what is known, and what to look at. */
function memberLine(member: Member, remarks: readonly string[]): string {
  const notes = [
    member.me ? "you" : "",
    member.role === "member" ? "" : member.role,
    member.devices > 1 ? `${member.devices} devices` : "",
    member.checked,
    ...remarks.map((remark) => `LOOK: ${remark}`),
  ].filter((note) => note !== "");
  return notes.length === 0 ? member.name : `${member.name} – ${notes.join(", ")}`;
}

function people(count: number): string {
  return count === 1 ? "1 person" : `${count} people`;
}

function isRole(word: string | undefined): word is Role {
  return ROLES.some((role) => role === word);
}
