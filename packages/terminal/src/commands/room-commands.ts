import { durationText, parseDuration } from "@parley/client";
import type { Command, CommandContext, CommandOutcome } from "./command.ts";
import { DONE, roomOf, said, UsageError } from "./command.ts";

/** Rooms: make, open, enter, leave, name. */
export const ROOM_COMMANDS: readonly Command[] = [
  {
    name: "room",
    aliases: ["r"],
    usage: "NAME",
    help: "go to a room, or make it if there is none of that name",
    completes: ["room"],
    async run({ chat }, rest) {
      const name = rest.replace(/^#/, "").trim();
      if (name === "") throw new UsageError("Which room? /room NAME");
      const found = findRoom(chat.snapshot().rooms, name);
      if (found) return { kind: "opened", room: found.id };
      return {
        kind: "opened",
        room: await chat.createRoom(name),
        text: `Made the room ${name}. /invite NAME asks people in`,
      };
    },
  },
  {
    name: "dm",
    usage: "NAME",
    help: "write to one person",
    completes: ["person"],
    async run({ chat }, rest) {
      const name = rest.replace(/^@/, "").trim();
      if (name === "") throw new UsageError("To whom? /dm NAME");
      return { kind: "opened", room: await chat.openDirect(name) };
    },
  },
  {
    name: "accept",
    usage: "[NAME]",
    help: "accept an invitation (the only one, or that of NAME)",
    completes: ["inviter"],
    run: acceptInvitation,
  },
  {
    name: "decline",
    usage: "[NAME]",
    help: "decline an invitation",
    completes: ["inviter"],
    async run(context, rest) {
      const invitation = findInvitation(context, rest);
      await context.chat.declineInvitation(invitation.id);
      return said(`Declined the invitation of ${invitation.from}`);
    },
  },
  {
    name: "join",
    usage: "[NAME]",
    help: "the same as /accept; a link is joined from the shell: parley join LINK",
    completes: ["inviter"],
    async run(context, rest) {
      if (/^(https?|parley):/.test(rest)) {
        throw new UsageError(
          "A link leads to a server of its own. Leave with /quit, then run: parley join LINK",
        );
      }
      return await acceptInvitation(context, rest);
    },
  },
  {
    name: "leave",
    usage: "",
    help: "leave this room",
    completes: [],
    async run(context) {
      const room = roomOf(context);
      await context.chat.leaveRoom(room.id);
      return said(`Left ${room.name}`);
    },
  },
  {
    name: "topic",
    usage: "[TEXT]",
    help: "show or set what the room is about",
    completes: ["text"],
    async run(context, rest) {
      const room = roomOf(context);
      if (rest === "") return said(room.topic === "" ? "This room has no topic" : `Topic: ${room.topic}`);
      await context.chat.setTopic(room.id, rest);
      return DONE;
    },
  },
  {
    name: "name",
    usage: "NAME",
    help: "rename this room",
    completes: ["text"],
    async run(context, rest) {
      if (rest === "") throw new UsageError("Which name? /name NAME");
      await context.chat.renameRoom(roomOf(context).id, rest);
      return DONE;
    },
  },
  {
    name: "timer",
    usage: "[off|30s|5m|8h|1d|4w]",
    help: "show or set how long messages stay",
    completes: ["text"],
    async run(context, rest) {
      const room = roomOf(context);
      if (rest === "") {
        if (room.keepMs === 0) return said("Messages stay here for good");
        return said(`Messages disappear here ${durationText(room.keepMs)} after they are sent`);
      }
      const keepMs = rest === "off" ? 0 : parseDuration(rest);
      if (keepMs === undefined) throw new UsageError("How long? /timer off, or 30s, 5m, 8h, 1d, 4w");
      await context.chat.setKeepTime(room.id, keepMs);
      return DONE;
    },
  },
  {
    name: "retry",
    usage: "",
    help: "send again what failed in this room",
    completes: [],
    async run(context) {
      const { items } = context.chat.timeline(roomOf(context).id, { limit: 200 });
      const failed = items.filter((item) => item.kind === "message" && item.send.kind === "failed");
      for (const item of failed) await context.chat.retry(item.id);
      return said(failed.length === 0 ? "Nothing failed here" : `Trying ${failed.length} again`);
    },
  },
];

/** The room called `name`, first as written, then whatever the case; undefined when there is none. */
export function findRoom<Room extends { readonly id: string; readonly name: string }>(
  rooms: readonly Room[],
  name: string,
): Room | undefined {
  const lower = name.toLowerCase();
  return (
    rooms.find((room) => room.name === name) ??
    rooms.find((room) => room.name.toLowerCase() === lower) ??
    rooms.find((room) => room.id === lower)
  );
}

async function acceptInvitation(context: CommandContext, rest: string): Promise<CommandOutcome> {
  const invitation = findInvitation(context, rest);
  return { kind: "opened", room: await context.chat.acceptInvitation(invitation.id) };
}

function findInvitation(
  { chat }: CommandContext,
  rest: string,
): { readonly id: string; readonly from: string } {
  const { invitations } = chat.snapshot();
  if (invitations.length === 0) throw new UsageError("There is no invitation");
  const name = rest.replace(/^@/, "").trim();
  const found = name === "" ? invitations : invitations.filter((one) => one.from === name);
  if (found.length === 0) throw new UsageError(`There is no invitation from ${name}`);
  if (name === "" && found.length > 1) {
    throw new UsageError(`Whose? Invited by ${[...new Set(found.map((one) => one.from))].join(", ")}`);
  }
  return found[0]!;
}
