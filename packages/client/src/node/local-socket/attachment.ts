import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Clock } from "../../connection/clock.ts";
import { LocalSocketError } from "./errors.ts";
import type { Json } from "./json-lines.ts";
import { readJsonLines, writeJsonLine } from "./json-lines.ts";
import type { CallMessage, ReplyMessage } from "./messages.ts";
import { asReply, checkGreeting, errorOf } from "./messages.ts";

/** Longest line that is taken from the owner. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024;
/** Stream items that wait for the reader before the socket is left unread. */
const MAX_WAITING_ITEMS = 256;
/** How long an owner may take to greet: longer than it is ever busy with one thing. */
const GREETING_MS = 5_000;

/** Another process is the store's writer; this one asks it. */
export interface LocalAttachment {
  readonly role: "attached";
  /** Throws the owner's ChatError, or LocalSocketError `owner-gone` (the call may or may not have been carried out). */
  call(method: string, params: Json): Promise<Json>;
  /** Items as they come; leaving the loop tells the owner to stop. Throws like {@link call}. */
  stream(method: string, params: Json): AsyncIterable<Json>;
  /** Resolves when the owner is gone, or after {@link close}. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Attaches to whoever listens at `path`. @returns `undefined` when nobody does, or nobody greets in time. */
export async function attach(path: string, clock: Clock): Promise<LocalAttachment | undefined> {
  const waiting = new Map<number, PromiseWithResolvers<Json>>();
  const ended = Promise.withResolvers<void>();
  let nextId = 1;
  const line = await openLine(path, clock, {
    onReply(reply) {
      const call = waiting.get(reply.id);
      if (!call) throw new LocalSocketError("malformed", "The running Parley answers what was not asked");
      waiting.delete(reply.id);
      if (reply.kind === "result") call.resolve(reply.value);
      else if (reply.kind === "error") call.reject(errorOf(reply));
      else call.reject(new LocalSocketError("malformed", "The running Parley answers a call with a stream"));
    },
    onEnd(error) {
      for (const call of waiting.values()) call.reject(error);
      waiting.clear();
      ended.resolve();
    },
  });
  if (!line) return undefined;

  return {
    role: "attached",
    call(method, params) {
      if (line.destroyed) return Promise.reject(ownerGone());
      const id = nextId++;
      const call = Promise.withResolvers<Json>();
      waiting.set(id, call);
      send(line, { id, kind: "call", method, params });
      return call.promise;
    },
    stream: (method, params) => streamItems({ path, clock, method, params }),
    ended: ended.promise,
    close: () => line.destroy(),
  };
}

interface StreamRequest {
  readonly path: string;
  readonly clock: Clock;
  readonly method: string;
  readonly params: Json;
}

async function* streamItems({ path, clock, method, params }: StreamRequest): AsyncGenerator<Json> {
  const items: Json[] = [];
  let end: { readonly error?: Error } | undefined;
  let wake: () => void = () => {};
  const line = await openLine(path, clock, {
    onReply(reply) {
      if (reply.kind === "item") items.push(reply.value);
      else end ??= reply.kind === "error" ? { error: errorOf(reply) } : {};
      if (items.length >= MAX_WAITING_ITEMS) line?.pause();
      wake();
    },
    onEnd(error) {
      end ??= { error };
      wake();
    },
  });
  if (!line) throw ownerGone();
  try {
    send(line, { id: 0, kind: "stream", method, params });
    for (;;) {
      while (items.length > 0) yield items.shift() as Json;
      line.resume();
      if (end) {
        if (end.error) throw end.error;
        return;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    line.destroy();
  }
}

interface LineEvents {
  readonly onReply: (reply: ReplyMessage) => void;
  readonly onEnd: (error: LocalSocketError) => void;
}

/** Opens one connection and waits for the greeting; `undefined` when there is nobody to greet. */
function openLine(path: string, clock: Clock, events: LineEvents): Promise<Socket | undefined> {
  const opened = Promise.withResolvers<Socket | undefined>();
  const socket = connect(path);
  const cancel = clock.setTimer(GREETING_MS, () => socket.destroy());
  let greeted = false;
  let fault: LocalSocketError | undefined;
  const fail = (error: LocalSocketError) => {
    fault ??= error;
    socket.destroy();
  };
  readJsonLines(socket, MAX_REPLY_BYTES, {
    onLine(value) {
      try {
        if (greeted) {
          events.onReply(asReply(value));
          return;
        }
        checkGreeting(value);
        greeted = true;
        cancel();
        opened.resolve(socket);
      } catch (error) {
        if (!(error instanceof LocalSocketError)) throw error;
        fail(error);
      }
    },
    onFault: fail,
  });
  // The reason (ENOENT, ECONNREFUSED, ECONNRESET) makes no difference: `close` follows.
  socket.on("error", () => {});
  socket.on("close", () => {
    cancel();
    if (greeted) events.onEnd(fault ?? ownerGone());
    else if (fault) opened.reject(fault);
    else opened.resolve(undefined);
  });
  return opened.promise;
}

function send(socket: Socket, message: CallMessage): void {
  writeJsonLine(socket, { ...message });
}

function ownerGone(): LocalSocketError {
  return new LocalSocketError("owner-gone", "The running Parley has ended");
}
