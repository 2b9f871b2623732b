import type { Chat, ConnectionState, Role, RoomSummary, SendState, TimelineItem } from "@parley/client";
import { ChatError } from "@parley/client";
import type { Json, LocalAttachment, LocalHandler } from "@parley/client/node";
import { settleConnection, waitForChat } from "./chat-waiting.ts";
import { parseInputLine, runInputLine } from "./commands/input-line.ts";
import { findRoom } from "./commands/room-commands.ts";
import { asBoolean, asList, asNumber, asObject, asOptional, asText } from "./json-shape.ts";
import type { LocalPeople } from "./local-people.ts";
import { attachedPeople, callPeople, PEOPLE_METHODS, peopleApi } from "./local-people.ts";
import type { LocalPolicy } from "./local-policy.ts";
import { attachedPolicy, callPolicy, POLICY_METHODS, policyApi } from "./local-policy.ts";
import { followTimeline } from "./timeline-feed.ts";

/** What `status --json` prints. */
export interface LocalStatus {
  readonly name: string;
  readonly account: string;
  readonly device: number;
  readonly server: { readonly host: string; readonly why: string; readonly code: string };
  readonly connection: {
    readonly kind: ConnectionState["kind"];
    readonly reason: string;
    readonly exitCode: number;
  };
  readonly queued: number;
  readonly unread: number;
  readonly mentions: number;
  readonly invitations: readonly { readonly from: string; readonly direct: boolean }[];
  readonly recoveryWordsConfirmed: boolean;
  /** What is wrong with the server or with this account. */
  readonly alarms: readonly string[];
  /** What new people wait for, and nothing else does. */
  readonly warnings: readonly string[];
}

/** What `rooms --json` prints for each room. */
export type LocalRoom = Omit<RoomSummary, "role"> & { readonly role: Role };

/** A message on its way. */
export interface LocalSent {
  readonly id: string;
  readonly state: SendState;
}

/** What a slash command led to. */
export interface LocalOutcome {
  readonly failed: boolean;
  readonly lines: readonly string[];
}

/** The server's log as this device holds it. */
export interface LocalLog {
  /** Empty when the relay keeps none. */
  readonly origin: string;
  readonly size: number;
  /** Lower-case hex. */
  readonly root: string;
  readonly alarms: readonly string[];
  /** Whether the entries on disk lead to the signed root; true when that was not asked. */
  readonly holds: boolean;
}

/** Which part of a timeline. */
export interface TimelineRequest {
  /** Name or id. */
  readonly room: string;
  /** At most so many older items. */
  readonly limit: number;
  readonly sinceMs?: number | undefined;
  /** Whether to go on with what comes. */
  readonly follow: boolean;
}

/**
 * A chat as scripts need it. The process that has the account open answers with {@link chatApi}; others ask it through
 * {@link attachedApi}, with the same results and the same ChatErrors.
 */
export interface LocalApi {
  status(): Promise<LocalStatus>;
  rooms(): Promise<readonly LocalRoom[]>;
  /** Queues a message and waits up to `waitMs` for the relay to have it. */
  send(request: {
    readonly room: string;
    readonly text: string;
    readonly waitMs: number;
  }): Promise<LocalSent>;
  invite(request: {
    readonly room?: string | undefined;
    readonly ttlMs?: number | undefined;
  }): Promise<string>;
  /** Runs a slash command. */
  command(request: { readonly room?: string | undefined; readonly input: string }): Promise<LocalOutcome>;
  /** How the replica of the server's log stands, after fetching what is new or computing it again, as asked. */
  log(request: { readonly sync: boolean; readonly check: boolean }): Promise<LocalLog>;
  /** Texts of tlog-proofs of a person's key chain. */
  proveLogged(name: string): Promise<readonly string[]>;
  /** The whole log, one JSON object a line: `{"checkpoint", "key"}`, then `{"entry", "name"?, "opening"?}`, in base64, for each. */
  exportLog(signal: AbortSignal): AsyncIterable<string>;
  /** Who other people are, and how the user makes sure of it. */
  readonly people: LocalPeople;
  /** Whom the user has said to believe. */
  readonly policy: LocalPolicy;
  /** Oldest first. With `follow`, until `signal` fires. */
  timeline(request: TimelineRequest, signal: AbortSignal): AsyncIterable<TimelineItem>;
}

const CONNECT_PATIENCE_MS = 5_000;

/** The API of a chat that is open in this process. */
export function chatApi(chat: Chat): LocalApi {
  const room = (name: string): RoomSummary => {
    const found = findRoom(chat.snapshot().rooms, name.replace(/^[#@]/, ""));
    if (!found) throw new ChatError("no-such-room", `There is no room ${name}`);
    return found;
  };
  const settled = () => settleConnection(chat, { timeoutMs: CONNECT_PATIENCE_MS });
  return {
    people: peopleApi(chat),
    policy: policyApi(chat),
    async status() {
      await settled();
      return statusOf(chat);
    },
    async rooms() {
      await settled();
      return chat.snapshot().rooms;
    },
    async send({ room: name, text, waitMs }) {
      const { id: roomId } = room(name);
      const id = await chat.send(roomId, text);
      const state = () => sendStateOf(chat, roomId, id);
      await waitForChat(chat, () => state().kind !== "queued", { timeoutMs: waitMs, room: roomId });
      return { id, state: state() };
    },
    async invite({ room: name, ttlMs }) {
      await settled();
      return await chat.createInviteLink({
        ...(name !== undefined && { room: room(name).id }),
        ...(ttlMs !== undefined && { ttlMs }),
      });
    },
    async command({ room: name, input }) {
      await settled();
      const line = parseInputLine(input.startsWith("/") ? input : `/${input}`);
      const outcome = await runInputLine(line, { chat, room: name === undefined ? undefined : room(name) });
      if (outcome.kind === "failed") return { failed: true, lines: [outcome.text] };
      if (outcome.kind === "shown") return { failed: false, lines: [outcome.title, ...outcome.lines] };
      const text = outcome.kind === "said" || outcome.kind === "opened" ? outcome.text : undefined;
      return { failed: false, lines: text === undefined ? [] : [text] };
    },
    async log({ sync, check }) {
      await settled();
      const log = chat.log();
      const { origin, size, root, alarms } = sync ? await log.sync() : log.status();
      return { origin, size, root, alarms, holds: !check || (await log.check()) };
    },
    async proveLogged(name) {
      await settled();
      return (await chat.log().prove(name)).map((proof) => new TextDecoder().decode(proof));
    },
    async *exportLog(signal) {
      await settled();
      const log = chat.log();
      const checkpoint = log.checkpoint();
      if (!checkpoint) throw new ChatError("refused", "This relay keeps no log");
      yield JSON.stringify({ checkpoint: new TextDecoder().decode(checkpoint), key: log.key() });
      for (const { entry, opening } of log.entries()) {
        if (signal.aborted) return;
        const claim = opening && { name: opening.name, opening: opening.opening.toBase64() };
        yield JSON.stringify({ entry: entry.toBase64(), ...claim });
      }
    },
    async *timeline({ room: name, ...request }, signal) {
      await settled();
      yield* followTimeline(chat, room(name).id, { ...request, signal });
    },
  };
}

function statusOf(chat: Chat): LocalStatus {
  const { me, server, connection, queued, rooms, invitations, recoveryWordsFile, alarms, warnings } =
    chat.snapshot();
  return {
    name: me.name,
    account: me.account,
    device: me.device,
    server: { host: server.host, why: server.why, code: server.code },
    connection: {
      kind: connection.kind,
      reason: "reason" in connection ? connection.reason : "",
      exitCode: "exitCode" in connection ? connection.exitCode : 0,
    },
    queued,
    unread: rooms.reduce((sum, room) => sum + room.unread, 0),
    mentions: rooms.reduce((sum, room) => sum + room.mentions, 0),
    invitations: invitations.map(({ from, direct }) => ({ from, direct })),
    recoveryWordsConfirmed: recoveryWordsFile === undefined,
    alarms,
    warnings,
  };
}

/** A message keeps its id until the relay has it; then it stands in the room's log under another one. */
function sendStateOf(chat: Chat, room: string, id: string): SendState {
  const item = chat.timeline(room, { limit: 500 }).items.find((one) => one.id === id);
  return item?.kind === "message" ? item.send : { kind: "sent" };
}

/** Answers attached processes. What they send is checked before it is used. */
export function localHandler(api: LocalApi): LocalHandler {
  return {
    async call(method, params) {
      const given = asObject(params);
      if (method.startsWith(PEOPLE_METHODS))
        return toJson((await callPeople(api.people, method, given)) ?? null);
      if (method.startsWith(POLICY_METHODS))
        return toJson((await callPolicy(api.policy, method, given)) ?? null);
      switch (method) {
        case "status":
          return toJson(await api.status());
        case "rooms":
          return toJson(await api.rooms());
        case "send": {
          const { room, text, waitMs } = given;
          return toJson(await api.send({ room: asText(room), text: asText(text), waitMs: asNumber(waitMs) }));
        }
        case "invite":
          return await api.invite({
            room: asOptional(given["room"], asText),
            ttlMs: asOptional(given["ttlMs"], asNumber),
          });
        case "command":
          return toJson(
            await api.command({ room: asOptional(given["room"], asText), input: asText(given["input"]) }),
          );
        case "log": {
          const { sync, check } = given;
          return toJson(await api.log({ sync: asBoolean(sync), check: asBoolean(check) }));
        }
        case "prove-logged":
          return toJson(await api.proveLogged(asText(given["name"])));
        default:
          throw new ChatError("refused", `The running Parley does not know "${method}"`);
      }
    },
    async *stream(method, params, signal) {
      if (method === "export-log") {
        yield* api.exportLog(signal);
        return;
      }
      if (method !== "timeline")
        throw new ChatError("refused", `The running Parley does not know "${method}"`);
      const { room, limit, sinceMs, follow } = asObject(params);
      const request = {
        room: asText(room),
        limit: asNumber(limit),
        sinceMs: asOptional(sinceMs, asNumber),
        follow: asBoolean(follow),
      };
      for await (const item of api.timeline(request, signal)) yield toJson(item);
    },
  };
}

/** The API of the process that has the account open, asked through its socket. */
export function attachedApi(attachment: LocalAttachment): LocalApi {
  const call = (method: string, params: object = {}) => attachment.call(method, toJson(params));
  return {
    people: attachedPeople(call),
    policy: attachedPolicy(call),
    status: async () => asStatus(await call("status")),
    rooms: async () => asList(await call("rooms")).map((room) => asObject(room) as unknown as LocalRoom),
    send: async (request) => {
      const sent = asObject(await call("send", request));
      return { id: asText(sent["id"]), state: asSendState(sent["state"]) };
    },
    invite: async (request) => asText(await call("invite", request)),
    command: async (request) => {
      const outcome = asObject(await call("command", request));
      return { failed: asBoolean(outcome["failed"]), lines: asList(outcome["lines"]).map(asText) };
    },
    log: async (request) => {
      const log = asObject(await call("log", request));
      return {
        origin: asText(log["origin"]),
        size: asNumber(log["size"]),
        root: asText(log["root"]),
        alarms: asList(log["alarms"]).map(asText),
        holds: asBoolean(log["holds"]),
      };
    },
    proveLogged: async (name) => asList(await call("prove-logged", { name })).map(asText),
    async *exportLog(signal) {
      for await (const line of attachment.stream("export-log", {})) {
        if (signal.aborted) return;
        yield asText(line);
      }
    },
    async *timeline(request, signal) {
      if (signal.aborted) return;
      const items = attachment.stream("timeline", toJson(request))[Symbol.asyncIterator]();
      const stop = (): void => void items.return?.().catch(() => {});
      const aborted = new Promise<undefined>((resolve) =>
        signal.addEventListener("abort", () => resolve(undefined)),
      );
      try {
        for (;;) {
          const next = await Promise.race([items.next(), aborted]);
          if (next === undefined || next.done) return;
          yield asTimelineItem(next.value);
        }
      } finally {
        stop();
      }
    },
  };
}

function asStatus(value: Json): LocalStatus {
  const status = asObject(value);
  asText(status["name"]);
  asText(asObject(status["connection"])["kind"]);
  asNumber(status["queued"]);
  asList(status["alarms"]).map(asText);
  asList(status["warnings"]).map(asText);
  return status as unknown as LocalStatus;
}

function asSendState(value: Json | undefined): SendState {
  const { kind, reason } = asObject(value ?? null);
  if (kind === "failed") return { kind, reason: asText(reason) };
  if (kind === "queued" || kind === "sent") return { kind };
  throw new ChatError("refused", "The running Parley answered in an unknown way");
}

function asTimelineItem(value: Json): TimelineItem {
  const item = asObject(value);
  asText(item["id"]);
  asNumber(item["atMs"]);
  if (item["kind"] === "message") asText(asObject(item["sender"] ?? null)["name"]);
  return item as unknown as TimelineItem;
}

/** Drops what JSON cannot say (undefined). */
function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
