import type { ChatErrorCode } from "../../chat/chat.ts";
import { CHAT_ERROR_CODES, ChatError } from "../../chat/chat.ts";
import { LocalSocketError } from "./errors.ts";
import type { Json } from "./json-lines.ts";

/** The owner's first line. Another number is another version of Parley, which must not be talked to. */
export const GREETING = { parley: 1 } as const;

/** What an attached process sends. A stream has a connection of its own, so closing that is how it is called off. */
export interface CallMessage {
  readonly id: number;
  readonly kind: "call" | "stream";
  readonly method: string;
  readonly params: Json;
}

/** What the owner answers. A call ends with `result` or `error`; a stream has `item`s, then `done` or `error`. */
export type ReplyMessage =
  | { readonly id: number; readonly kind: "result"; readonly value: Json }
  | { readonly id: number; readonly kind: "item"; readonly value: Json }
  | { readonly id: number; readonly kind: "done" }
  | { readonly id: number; readonly kind: "error"; readonly code: string; readonly message: string };

function asObject(value: Json): { readonly [key: string]: Json } {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as { readonly [key: string]: Json };
  }
  throw new LocalSocketError("malformed", "A line on the local socket is not a message");
}

function asId(value: Json | undefined): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new LocalSocketError("malformed", "A message on the local socket has no number");
}

function asText(value: Json | undefined): string {
  if (typeof value === "string") return value;
  throw new LocalSocketError("malformed", "A message on the local socket lacks a text");
}

/** Throws `malformed` unless the line is the greeting of this version. */
export function checkGreeting(value: Json): void {
  if (asObject(value)["parley"] !== GREETING.parley) {
    throw new LocalSocketError("malformed", "Another version of Parley is running; end it first");
  }
}

/** Reads a {@link CallMessage}; throws `malformed`. */
export function asCall(value: Json): CallMessage {
  const { id, kind, method, params } = asObject(value);
  if (kind !== "call" && kind !== "stream") {
    throw new LocalSocketError("malformed", "A message on the local socket is of no known kind");
  }
  return { id: asId(id), kind, method: asText(method), params: params ?? null };
}

/** Reads a {@link ReplyMessage}; throws `malformed`. */
export function asReply(line: Json): ReplyMessage {
  const { id: rawId, kind, value, code, message } = asObject(line);
  const id = asId(rawId);
  if (kind === "result" || kind === "item") return { id, kind, value: value ?? null };
  if (kind === "done") return { id, kind };
  if (kind === "error") return { id, kind, code: asText(code), message: asText(message) };
  throw new LocalSocketError("malformed", "A message on the local socket is of no known kind");
}

/** What of an error may leave the owner: ChatErrors, which are made for people; of anything else, that there was one. */
export function errorReply(id: number, error: unknown): ReplyMessage {
  if (error instanceof ChatError) return { id, kind: "error", code: error.code, message: error.message };
  return { id, kind: "error", code: "internal", message: "The running Parley could not do that" };
}

/** The other end of {@link errorReply}. */
export function errorOf(reply: Extract<ReplyMessage, { kind: "error" }>): ChatError | LocalSocketError {
  const code = CHAT_ERROR_CODES.find((known) => known === reply.code) as ChatErrorCode | undefined;
  return code && code !== "internal"
    ? new ChatError(code, reply.message)
    : new LocalSocketError("internal", reply.message);
}
