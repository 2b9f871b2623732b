import type { Chat, Comparison, ComparisonRoad, PersonTrust } from "@parley/client";
import { ChatError } from "@parley/client";
import type { Json } from "@parley/client/node";
import { settleConnection, waitForChat } from "./chat-waiting.ts";
import { findRoom } from "./commands/room-commands.ts";
import { trustPage } from "./commands/trust-commands.ts";
import type { TrustPage } from "./commands/trust-text.ts";
import { asBoolean, asList, asNumber, asObject, asOptional, asText } from "./json-shape.ts";

/** Who other people are, as scripts and `parley trust` ask for it. */
export interface LocalPeople {
  page(): Promise<TrustPage>;
  explain(name: string): Promise<PersonTrust>;
  safetyNumber(name: string): Promise<string>;
  checkNumber(request: { readonly name: string; readonly digits: string }): Promise<boolean>;
  /** Asks or agrees, then waits up to `waitMs` for the pictures or an end. */
  compare(request: { readonly name: string; readonly waitMs: number }): Promise<Comparison>;
  /** Answers, then waits up to `waitMs` for the other side's answer. */
  answer(request: {
    readonly name: string;
    readonly isSame: boolean;
    readonly road: ComparisonRoad;
    readonly waitMs: number;
  }): Promise<Comparison>;
  cancelComparison(name: string): Promise<void>;
  forget(name: string): Promise<void>;
  setIntroducer(request: { readonly name: string; readonly counts: boolean }): Promise<void>;
  vouch(request: {
    readonly name: string;
    readonly room: string;
    readonly lifetimeMs?: number | undefined;
  }): Promise<void>;
  endVouch(name: string): Promise<void>;
}

const CONNECT_PATIENCE_MS = 5_000;
const SEND_PATIENCE_MS = 10_000;

/** That of a chat that is open in this process. */
export function peopleApi(chat: Chat): LocalPeople {
  const people = chat.people();
  const settled = () => settleConnection(chat, { timeoutMs: CONNECT_PATIENCE_MS });
  /** What was said has left this machine, or waits on its disk for the relay. */
  const sent = () => waitForChat(chat, () => chat.snapshot().queued === 0, { timeoutMs: SEND_PATIENCE_MS });
  const comparison = async (name: string, waitMs: number, phases: readonly Comparison["phase"][]) => {
    const reached = () => phases.includes(people.comparison(name)?.phase ?? "waiting");
    await waitForChat(chat, reached, { timeoutMs: waitMs });
    return people.comparison(name) ?? { phase: "waiting" as const };
  };
  return {
    async page() {
      await settled();
      return trustPage(chat);
    },
    async explain(name) {
      await settled();
      return people.explain(name);
    },
    async safetyNumber(name) {
      await settled();
      return people.safetyNumber(name);
    },
    async checkNumber({ name, digits }) {
      await settled();
      return people.checkNumber(name, digits);
    },
    async compare({ name, waitMs }) {
      await settled();
      await people.compare(name);
      return comparison(name, waitMs, ["comparing", "ended"]);
    },
    async answer({ name, isSame, road, waitMs }) {
      await people.answer(name, isSame, road);
      const state = await comparison(name, waitMs, ["done", "ended"]);
      await sent();
      return state;
    },
    async cancelComparison(name) {
      await people.cancelComparison(name);
      await sent();
    },
    async forget(name) {
      await settled();
      await people.forget(name);
      await sent();
    },
    async setIntroducer({ name, counts }) {
      await settled();
      await people.setIntroducer(name, counts);
    },
    async vouch({ name, room, lifetimeMs }) {
      await settled();
      const found = findRoom(chat.snapshot().rooms, room.replace(/^[#@]/, ""));
      if (!found) throw new ChatError("no-such-room", `There is no room ${room}`);
      await people.vouch(name, { room: found.id, ...(lifetimeMs !== undefined && { lifetimeMs }) });
      await sent();
    },
    async endVouch(name) {
      await settled();
      await people.endVouch(name);
      await sent();
    },
  };
}

/** First part of the methods of the local socket that are about people. */
export const PEOPLE_METHODS = "people/";

/** Answers an attached process. What it sends is checked before it is used. */
export async function callPeople(
  people: LocalPeople,
  method: string,
  given: { readonly [key: string]: Json },
): Promise<unknown> {
  const name = () => asText(given["name"]);
  switch (method.slice(PEOPLE_METHODS.length)) {
    case "page":
      return people.page();
    case "explain":
      return people.explain(name());
    case "safety-number":
      return people.safetyNumber(name());
    case "check-number":
      return people.checkNumber({ name: name(), digits: asText(given["digits"]) });
    case "compare":
      return people.compare({ name: name(), waitMs: asNumber(given["waitMs"]) });
    case "answer":
      return people.answer({
        name: name(),
        isSame: asBoolean(given["isSame"]),
        road: asText(given["road"]) === "video" ? "video" : "voice",
        waitMs: asNumber(given["waitMs"]),
      });
    case "cancel":
      return await people.cancelComparison(name());
    case "forget":
      return await people.forget(name());
    case "set-introducer":
      return await people.setIntroducer({ name: name(), counts: asBoolean(given["counts"]) });
    case "vouch":
      return await people.vouch({
        name: name(),
        room: asText(given["room"]),
        lifetimeMs: asOptional(given["lifetimeMs"], asNumber),
      });
    case "end-vouch":
      return await people.endVouch(name());
    default:
      throw new ChatError("refused", `The running Parley does not know "${method}"`);
  }
}

/** That of the process that has the account open. */
export function attachedPeople(call: (method: string, params?: object) => Promise<Json>): LocalPeople {
  const ask = (method: string, params?: object) => call(PEOPLE_METHODS + method, params);
  return {
    page: async () => asPage(await ask("page")),
    explain: async (name) => asPerson(await ask("explain", { name })),
    safetyNumber: async (name) => asText(await ask("safety-number", { name })),
    checkNumber: async (request) => asBoolean(await ask("check-number", request)),
    compare: async (request) => asComparison(await ask("compare", request)),
    answer: async (request) => asComparison(await ask("answer", request)),
    cancelComparison: async (name) => void (await ask("cancel", { name })),
    forget: async (name) => void (await ask("forget", { name })),
    setIntroducer: async (request) => void (await ask("set-introducer", request)),
    vouch: async (request) => void (await ask("vouch", request)),
    endVouch: async (name) => void (await ask("end-vouch", { name })),
  };
}

function asPage(value: Json): TrustPage {
  const page = asObject(value);
  const server = asObject(page["server"]);
  for (const key of ["host", "why", "code"]) asText(server[key]);
  for (const key of ["alarms", "warnings"]) asList(server[key]).map(asText);
  asNumber(server["logSize"]);
  asList(page["people"]).map(asPerson);
  return page as unknown as TrustPage;
}

function asPerson(value: Json): PersonTrust {
  const person = asObject(value);
  for (const key of ["account", "name", "state"]) asText(person[key]);
  for (const key of ["why", "nameWarnings"]) asList(person[key]).map(asText);
  asBoolean(person["introducer"]);
  return person as unknown as PersonTrust;
}

function asComparison(value: Json): Comparison {
  const comparison = asObject(value);
  const phase = asText(comparison["phase"]);
  if (phase === "comparing") {
    const emoji = asList(comparison["emoji"]).map((picture) => {
      const { emoji: glyph, name } = asObject(picture);
      return { emoji: asText(glyph), name: asText(name) };
    });
    return { phase, emoji };
  }
  if (phase === "ended") return { phase, reason: asText(comparison["reason"]) };
  if (phase === "asked" || phase === "waiting" || phase === "confirming" || phase === "done")
    return { phase };
  throw new ChatError("refused", "The running Parley answered in an unknown way");
}
