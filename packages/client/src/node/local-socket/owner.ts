import { once } from "node:events";
import { chmodSync, rmSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import { LocalSocketError } from "./errors.ts";
import type { Json } from "./json-lines.ts";
import { readJsonLines, writeJsonLine } from "./json-lines.ts";
import type { CallMessage, ReplyMessage } from "./messages.ts";
import { asCall, errorReply, GREETING } from "./messages.ts";
import type { StoreLock } from "./store-lock.ts";

/** Longest line that an attached process may send. */
export const MAX_CALL_BYTES = 1024 * 1024;
/** Calls that one attached process may have open. */
export const MAX_OPEN_CALLS = 64;
/** Connections of attached processes, streams included. */
export const MAX_PEERS = 64;

/** What the owner does for attached processes. */
export interface LocalHandler {
  /** Answers one call. A ChatError travels as it is; of other errors the caller learns that there was one. */
  call(method: string, params: Json, signal: AbortSignal): Promise<Json>;
  /** Yields until it is done. `signal` fires when the other side stops listening: end then, even from a wait. */
  stream(method: string, params: Json, signal: AbortSignal): AsyncIterable<Json>;
}

/** This process is the store's one writer. */
export interface LocalOwner {
  readonly role: "owner";
  /** Starts to answer. Processes that attached before wait until now. Call once. */
  serve(handler: LocalHandler): void;
  /** Sends attached processes away, removes the socket, and lets go of the store. */
  close(): Promise<void>;
}

/** Listens at `path`, whose `lock` the caller holds and hands over. */
export async function startOwner(path: string, lock: StoreLock): Promise<LocalOwner> {
  const ready = Promise.withResolvers<LocalHandler>();
  const peers = new Set<Socket>();
  const server = createServer((socket) => {
    if (peers.size >= MAX_PEERS) {
      socket.destroy();
      return;
    }
    peers.add(socket);
    socket.on("close", () => peers.delete(socket));
    servePeer(socket, ready.promise);
  });
  try {
    await listen(server, path);
  } catch (error) {
    lock.release();
    throw error;
  }
  // A peer that could not be accepted (no descriptors left) is that peer's misfortune.
  server.on("error", () => {});
  return {
    role: "owner",
    serve: (handler) => ready.resolve(handler),
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const peer of peers) peer.destroy();
      await closed;
      lock.release();
    },
  };
}

/** The lock is held, so a socket that lies there has no owner. */
async function listen(server: Server, path: string): Promise<void> {
  const pipe = process.platform === "win32";
  if (!pipe) rmSync(path, { force: true });
  server.listen(path);
  await once(server, "listening");
  if (!pipe) chmodSync(path, 0o600);
}

function servePeer(socket: Socket, ready: Promise<LocalHandler>): void {
  const gone = new AbortController();
  let openCalls = 0;
  const answer = async (message: CallMessage) => {
    if (++openCalls > MAX_OPEN_CALLS) throw new LocalSocketError("too-large", "Too many calls at once");
    try {
      const handler = await ready;
      if (gone.signal.aborted) return;
      for await (const reply of replies(handler, message, gone.signal)) {
        if (gone.signal.aborted || !socket.writable) return;
        if (!writeJsonLine(socket, reply)) await drained(socket, gone.signal);
      }
    } finally {
      openCalls--;
    }
  };

  socket.on("close", () => gone.abort());
  socket.on("error", () => socket.destroy());
  writeJsonLine(socket, GREETING);
  readJsonLines(socket, MAX_CALL_BYTES, {
    onLine(value) {
      if (socket.destroyed) return;
      new Promise<void>((resolve) => resolve(answer(asCall(value)))).catch(() => socket.destroy());
    },
    onFault: () => socket.destroy(),
  });
}

async function* replies(
  handler: LocalHandler,
  message: CallMessage,
  signal: AbortSignal,
): AsyncGenerator<ReplyMessage> {
  const { id, kind, method, params } = message;
  try {
    if (kind === "call") {
      yield { id, kind: "result", value: await handler.call(method, params, signal) };
      return;
    }
    for await (const value of handler.stream(method, params, signal)) yield { id, kind: "item", value };
    yield { id, kind: "done" };
  } catch (error) {
    yield errorReply(id, error);
  }
}

async function drained(socket: Socket, signal: AbortSignal): Promise<void> {
  try {
    await once(socket, "drain", { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
