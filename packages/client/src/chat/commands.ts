import { ProtocolError } from "@parley/protocol";
import { ConnectionError } from "../connection/connection.ts";
import { ROOM_TEXT_LIMITS } from "../content/room-content.ts";
import { DirectoryUnavailable } from "../rooms/directory.ts";
import { ChatError } from "./chat.ts";

/** The relay is out of reach. */
export function offline(): ChatError {
  return new ChatError("offline", "not connected: this needs the relay");
}

/** Runs a command that needs the relay; what goes wrong on the way becomes a ChatError. */
export async function online<T>(command: () => Promise<T>): Promise<T> {
  try {
    return await command();
  } catch (error) {
    if (error instanceof ConnectionError || error instanceof DirectoryUnavailable) throw offline();
    if (error instanceof ProtocolError) throw new ChatError("refused", `the relay refused (${error.code})`);
    throw error;
  }
}

/** Starts work that nobody waits for: what the network refuses comes again by itself, the rest goes to `onFault`. */
export function inBackground(task: Promise<unknown>, onFault: (error: unknown) => void): void {
  task.catch((error: unknown) => {
    if (error instanceof ConnectionError || error instanceof DirectoryUnavailable) return;
    if (error instanceof ChatError && error.retryable) return;
    onFault(error);
  });
}

/** The text without white space around it. Throws ChatError `too-long`. `what`: "a topic". */
export function requireText(text: string, limit: keyof typeof ROOM_TEXT_LIMITS, what: string): string {
  const trimmed = text.trim();
  if (new TextEncoder().encode(trimmed).length > ROOM_TEXT_LIMITS[limit]) {
    throw new ChatError("too-long", `${what} holds ${ROOM_TEXT_LIMITS[limit]} bytes`);
  }
  return trimmed;
}
