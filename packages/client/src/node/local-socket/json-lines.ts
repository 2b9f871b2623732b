import type { Socket } from "node:net";
import { LocalSocketError } from "./errors.ts";

/** What can travel: plain JSON. Bytes are written as hex by the caller. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

interface LineEvents {
  readonly onLine: (value: Json) => void;
  /** The lines are too long or no JSON. The caller ends the socket; nothing follows. */
  readonly onFault: (error: LocalSocketError) => void;
}

const NEWLINE = 0x0a;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads one JSON value per line, never holding more than `maxLineBytes` of an unfinished one. */
export function readJsonLines(socket: Socket, maxLineBytes: number, events: LineEvents): void {
  let parts: Buffer[] = [];
  let heldBytes = 0;
  let faulty = false;
  const fault = (error: LocalSocketError) => {
    faulty = true;
    parts = [];
    events.onFault(error);
  };

  socket.on("data", (chunk: Buffer) => {
    let rest = chunk;
    while (!faulty && rest.length > 0) {
      const end = rest.indexOf(NEWLINE);
      const part = end < 0 ? rest : rest.subarray(0, end);
      heldBytes += part.length;
      if (heldBytes > maxLineBytes) {
        fault(new LocalSocketError("too-large", "A line on the local socket is too long"));
        return;
      }
      parts.push(part);
      if (end < 0) return;
      rest = rest.subarray(end + 1);
      const line = parts.length === 1 ? part : Buffer.concat(parts);
      parts = [];
      heldBytes = 0;
      let value: Json;
      try {
        value = JSON.parse(utf8.decode(line)) as Json;
      } catch (cause) {
        fault(new LocalSocketError("malformed", "A line on the local socket is not JSON", { cause }));
        return;
      }
      events.onLine(value);
    }
  });
}

/** @returns whether more may be written at once; if not, wait for `drain`. Does nothing after the socket's end. */
export function writeJsonLine(socket: Socket, value: Json): boolean {
  return socket.writable ? socket.write(`${JSON.stringify(value)}\n`) : true;
}
