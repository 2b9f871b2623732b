import type { Chat, ConnectionState, Role, RoomSummary, SendState, TimelineItem } from "@parley/client";
import { ChatError } from "@parley/client";
import type { Json, LocalAttachment, LocalHandler } from "@parley/client/node";
import { settleConnection, waitForChat } from "./chat-waiting.ts";
import { parseInputLine, runInputLine } from "./commands/input-line.ts";
import { findRoom } from "./commands/room-commands.ts";
import { asBoolean, asList, asNumber, asObject, asOptional, asText } from "./json-shape.ts";
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
    async *timeline({ room: name, ...request }, signal) {
      await settled();
      yield* followTimeline(chat, room(name).id, { ...request, signal });
    },
  };
}

function statusOf(chat: Chat): LocalStatus {
  const { me, server, connection, queued, rooms, invitations, recoveryWordsFile } = chat.snapshot();
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
        default:
          throw new ChatError("refused", `The running Parley does not know "${method}"`);
      }
    },
    async *stream(method, params, signal) {
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
