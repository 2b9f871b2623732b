import type { Chat } from "@parley/client";
import type { Command, CommandContext, CommandOutcome } from "./command.ts";
import { names, oneName, roomOf, said, UsageError } from "./command.ts";
import type { TrustPage } from "./trust-text.ts";
import { comparisonLines, numberLines, personLines, trustLines } from "./trust-text.ts";

/** How people make sure of each other, and what is known of everybody. */
export const TRUST_COMMANDS: readonly Command[] = [
  {
    name: "verify",
    usage: "[@NAME [DIGITS|emoji|match|nomatch|cancel]]",
    help: "make sure of a person; without a name: of this server and this room",
    completes: ["person", "text"],
    async run(context, rest) {
      if (rest === "") return serverAndRoom(context);
      const [name = "", word = "", ...more] = names(rest);
      const people = context.chat.people();
      switch (word) {
        case "":
          return personPage(context.chat, name);
        case "emoji":
          return compare(context.chat, name);
        case "match": {
          const [road = "voice"] = more;
          if (road !== "voice" && road !== "video") throw new UsageError("match, match voice or match video");
          await people.answer(name, true, road);
          return said(comparisonLines(name, people.comparison(name) ?? { phase: "done" }).join(" "));
        }
        case "nomatch":
          await people.answer(name, false, "voice");
          return said(`Told ${name}. Somebody may be between you: check each other in person`);
        case "cancel":
          await people.cancelComparison(name);
          return said("Cancelled");
        default:
          return typed(context.chat, name, [word, ...more].join(" "));
      }
    },
  },
  {
    name: "trust",
    usage: "[@NAME | vouch|unvouch|introducer|revoke @NAME]",
    help: "who is trusted and why; vouch for somebody in this room",
    completes: ["person"],
    async run(context, rest) {
      const [word = "", name] = names(rest);
      const people = context.chat.people();
      if (word === "") {
        return { kind: "shown", title: "Who is who", lines: trustLines(await trustPage(context.chat)) };
      }
      if (name === undefined) return personPage(context.chat, oneName(rest));
      switch (word) {
        case "vouch": {
          const room = roomOf(context);
          await people.vouch(name, { room: room.id });
          return said(`Told ${room.name} that you have checked ${name}`);
        }
        case "unvouch":
          await people.endVouch(name);
          return said(`You no longer vouch for ${name}`);
        case "introducer":
          await people.setIntroducer(name, true);
          return said(`${name} may introduce people to you; /trust no-introducer @${name} ends that`);
        case "no-introducer":
          await people.setIntroducer(name, false);
          return said(`${name} introduces nobody to you any more`);
        case "revoke":
          await people.forget(name);
          return said(`${name} is no longer checked by you`);
        default:
          throw new UsageError("What? /trust vouch|unvouch|introducer|no-introducer|revoke @NAME");
      }
    },
  },
];

/** Everything that the trust page shows. */
export async function trustPage(chat: Chat): Promise<TrustPage> {
  const { server, alarms, warnings } = chat.snapshot();
  const { host, why, code } = server;
  return {
    server: { host, why, code, logSize: chat.log().status().size, alarms, warnings },
    people: await chat.people().all(),
  };
}

function serverAndRoom({ chat, room }: CommandContext): CommandOutcome {
  const { server } = chat.snapshot();
  return {
    kind: "shown",
    title: `Is this really ${server.host}?`,
    lines: [
      `This server is trusted because it is ${server.why}.`,
      "",
      `Server code\t${server.code}`,
      "",
      "Compare it aloud with somebody who is already there: the same digits mean the same server.",
      ...(room?.state === "active"
        ? [
            "",
            `Room check\t${chat.people().roomCode(room.id)}`,
            "",
            `The same digits mean that all see the same ${room.memberCount} members of ${room.name} (/who), not that these are who they say. They change when somebody comes or goes.`,
          ]
        : []),
    ],
  };
}

async function personPage(chat: Chat, name: string): Promise<CommandOutcome> {
  const people = chat.people();
  const person = await people.explain(name);
  const digits = await people.safetyNumber(name);
  const comparison = people.comparison(name);
  return {
    kind: "shown",
    title: person.name,
    lines: [
      ...personLines(person),
      "",
      "Your safety number with them:",
      ...numberLines(digits),
      "",
      ...(comparison && comparison.phase !== "done"
        ? comparisonLines(person.name, comparison)
        : [
            `/verify @${person.name} 12345 …\ttheir 60 digits, typed in: this program compares them`,
            `/verify @${person.name} emoji\tor compare seven pictures while you talk`,
          ]),
    ],
    copy: digits,
  };
}

/** The pictures come into the room with the other person: that is where to look. */
async function compare(chat: Chat, name: string): Promise<CommandOutcome> {
  const people = chat.people();
  const before = people.comparison(name)?.phase;
  const room = await chat.openDirect(name);
  await people.compare(name);
  const text =
    before === "asked"
      ? "The pictures come now"
      : `Asked ${name}: call each other; the pictures come when they type /verify @${chat.snapshot().me.name} emoji`;
  return { kind: "opened", room, text };
}

async function typed(chat: Chat, name: string, digits: string): Promise<CommandOutcome> {
  if (!/^[\p{Nd}\p{Pd}.\s]+$/u.test(digits)) {
    throw new UsageError("After the name: the 60 digits, emoji, match, nomatch or cancel");
  }
  if (await chat.people().checkNumber(name, digits)) return said(`The same: ${name} is checked by you`);
  throw new UsageError(
    `NOT the same: mistyped, or somebody is between you and ${name}. Nothing was marked; read it out again`,
  );
}
