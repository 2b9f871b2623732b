import type { Comparison, ComparisonRoad } from "@parley/client";
import { CommandFailure } from "../command-failure.ts";
import {
  comparisonLines,
  numberLines,
  personLines,
  pictureLines,
  trustLines,
} from "../commands/trust-text.ts";
import { openAccount } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { LocalPeople } from "../local-people.ts";
import type { VerbContext } from "../program.ts";
import type { Streams } from "../streams.ts";
import type { TrustAction, TrustActions, TrustArguments } from "./trust-action.ts";

const JSON_OPTION = { json: { type: "boolean" } } as const;
const COMPARISON_PATIENCE_MS = 10 * 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;
const MAX_DAYS = 366;

/** What `parley trust` does about people. */
export const PEOPLE_ACTIONS: TrustActions = {
  status: {
    usage: "[--json]",
    help: "say why this server is trusted, and why each person; exit 12 when something is wrong with the server",
    options: JSON_OPTION,
    async run(context, given) {
      requireWords(given, 0);
      return withPeople(context, async (people) => {
        const page = await people.page();
        await print(context.streams, given, page, trustLines(page));
        return page.server.alarms.length > 0 ? EXIT_CODES.serverRolledBack : EXIT_CODES.ok;
      });
    },
  },
  explain: {
    usage: "@NAME [--json]",
    help: "say all that is known of one person",
    options: JSON_OPTION,
    run: onPerson(async ({ people, name, given, streams }) => {
      const person = await people.explain(name);
      await print(streams, given, person, personLines(person));
    }),
  },
  verify: {
    usage: "@NAME [DIGITS… | emoji [--video]] [--json]",
    help: "print the safety number; compare digits that were read to you, or seven emoji; exit 1 when they differ",
    options: { ...JSON_OPTION, video: { type: "boolean" } },
    run: runVerify,
  },
  revoke: {
    usage: "@NAME",
    help: "take your own check of a person back, and your vouch for them",
    options: {},
    run: onPerson(async ({ people, name, streams }) => {
      await people.forget(name);
      await streams.print(`${name} is no longer checked by you`);
    }),
  },
  vouch: {
    usage: "@NAME --to ROOM [--days DAYS]",
    help: "tell a room, encrypted, that you have checked a person; 180 days, or as many as you say, up to 366",
    options: { to: { type: "string" }, days: { type: "string" } },
    async run(context, given) {
      const name = nameIn(given);
      const { to: room, days } = given.options;
      if (typeof room !== "string") throw usage("To whom? --to ROOM");
      const lifetimeMs = typeof days === "string" ? parseDays(days) * DAY_MS : undefined;
      return withPeople(context, async (people) => {
        await people.vouch({ name, room, lifetimeMs });
        await context.streams.print(`Told ${room} that you have checked ${name}`);
        return EXIT_CODES.ok;
      });
    },
  },
  unvouch: {
    usage: "@NAME",
    help: "take a vouch back in every room that was told of it",
    options: {},
    run: onPerson(async ({ people, name, streams }) => {
      await people.endVouch(name);
      await streams.print(`You no longer vouch for ${name}`);
    }),
  },
  introducer: {
    usage: "@NAME [--remove]",
    help: "let a person whom you have checked introduce others to you, or no longer",
    options: { remove: { type: "boolean" } },
    run: onPerson(async ({ people, name, given, streams }) => {
      const counts = given.options["remove"] !== true;
      await people.setIntroducer({ name, counts });
      await streams.print(
        counts ? `${name} may introduce people to you` : `${name} introduces nobody to you any more`,
      );
    }),
  },
};

interface OnPerson {
  readonly people: LocalPeople;
  readonly name: string;
  readonly given: TrustArguments;
  readonly streams: Streams;
}

/** An action on the one person that is named. */
function onPerson(task: (given: OnPerson) => Promise<void>): TrustAction["run"] {
  return async (context, given) => {
    const name = nameIn(given);
    return withPeople(context, async (people) => {
      await task({ people, name, given, streams: context.streams });
      return EXIT_CODES.ok;
    });
  };
}

async function runVerify(context: VerbContext, given: TrustArguments): Promise<ExitCode> {
  const [name, ...rest] = given.words;
  if (name === undefined) throw usage("Whom? parley trust verify @NAME");
  const plain = name.replace(/^@/, "");
  return withPeople(context, async (people) => {
    if (rest.length === 0) {
      const digits = await people.safetyNumber(plain);
      await print(context.streams, given, { name: plain, safetyNumber: digits }, [
        `Safety number of you and ${plain}:`,
        ...numberLines(digits),
      ]);
      return EXIT_CODES.ok;
    }
    if (rest[0] === "emoji" && rest.length === 1) return compare({ context, people, name: plain, given });
    if (!(await people.checkNumber({ name: plain, digits: rest.join(" ") }))) {
      throw new CommandFailure(
        `NOT the same: mistyped, or somebody is between you and ${plain}; nothing was marked`,
      );
    }
    await print(context.streams, given, { name: plain, checked: true }, [
      `The same: ${plain} is checked by you`,
    ]);
    return EXIT_CODES.ok;
  });
}

/** From asking to the end, in one go: for people without the screen. */
async function compare({
  context: { streams },
  people,
  name,
  given,
}: {
  readonly context: VerbContext;
  readonly people: LocalPeople;
  readonly name: string;
  readonly given: TrustArguments;
}): Promise<ExitCode> {
  streams.warn(`Call ${name}, and wait until they compare too`);
  const shown = await people.compare({ name, waitMs: COMPARISON_PATIENCE_MS });
  if (shown.phase !== "comparing") {
    if (shown.phase === "waiting") await people.cancelComparison(name);
    throw new CommandFailure(comparisonLines(name, shown).join(" "));
  }
  for (const line of pictureLines(shown)) await streams.print(line.replace("\t", "  "));
  const said = await answerOrCancel(streams, people, name);
  const road: ComparisonRoad = given.options["video"] === true ? "video" : "voice";
  const isSame = /^y(es)?$/i.test(said);
  const end = await people.answer({ name, isSame, road, waitMs: COMPARISON_PATIENCE_MS });
  return told(streams, { name, end, given });
}

/** Whoever ends the program here has compared nothing. */
async function answerOrCancel(streams: Streams, people: LocalPeople, name: string): Promise<string> {
  try {
    return await streams.ask(`Does ${name} see the same seven, in this order? (yes or no)`);
  } catch (error) {
    await people.cancelComparison(name);
    throw error;
  }
}

async function told(
  streams: Streams,
  { name, end, given }: { readonly name: string; readonly end: Comparison; readonly given: TrustArguments },
): Promise<ExitCode> {
  if (end.phase !== "done") throw new CommandFailure(comparisonLines(name, end).join(" "));
  await print(streams, given, { name, checked: true }, comparisonLines(name, end));
  return EXIT_CODES.ok;
}

async function withPeople(
  { folder, password }: VerbContext,
  run: (people: LocalPeople) => Promise<ExitCode>,
): Promise<ExitCode> {
  await using account = await openAccount(folder, password);
  return await run(account.api.people);
}

async function print(
  streams: Streams,
  { options }: TrustArguments,
  value: object,
  lines: readonly string[],
): Promise<void> {
  if (options["json"] === true) return streams.print(JSON.stringify(value));
  for (const line of lines) await streams.print(line.replace("\t", "  "));
}

function nameIn(given: TrustArguments): string {
  requireWords(given, 1);
  return (given.words[0] ?? "").replace(/^@/, "");
}

function requireWords({ words }: TrustArguments, count: number): void {
  if (words.length !== count) throw usage(count === 0 ? "No name is needed" : "One name is needed");
}

function parseDays(text: string): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= MAX_DAYS) return days;
  throw usage(`A vouch is good for 1 to ${MAX_DAYS} days`);
}

function usage(message: string): CommandFailure {
  return new CommandFailure(message, EXIT_CODES.usage);
}
