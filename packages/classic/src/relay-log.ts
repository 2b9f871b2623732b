import type { CutMessage } from "./packet-cutter.ts";
import type { SessionKey } from "./session-key.ts";
import { cleanText } from "./wire-text.ts";

/** Writes the original server's lines (classic-v1 §3), one call of `write` per line, none with a control character. */
export class RelayLog {
  readonly #write: (line: string) => void;
  readonly showsSecrets: boolean;

  constructor(write: (line: string) => void, showsSecrets: boolean) {
    this.#write = write;
    this.showsSecrets = showsSecrets;
  }

  line(line: string): void {
    this.#write(cleanText(line));
  }

  /** The key itself only where secrets are wanted; else the fingerprint, which the client shows as well. */
  clientKey(key: SessionKey): void {
    this.line(
      `Client Key: ${this.showsSecrets ? key.exposeHex() : `hidden, fingerprint ${key.fingerprint}`}`,
    );
  }

  /** Packet and plain text, which the original always prints: nothing at all unless secrets are wanted. */
  received(address: string, { text, packet }: CutMessage): void {
    if (!this.showsSecrets) return;
    this.line(`${address} [Raw]: ${pythonBytes(packet ?? new Uint8Array(0))}`);
    this.line(`${address} [Decrypted]: ${text}`);
  }
}

const NAMED_ESCAPES: Readonly<Record<number, string>> = { 9: "\\t", 10: "\\n", 13: "\\r", 92: "\\\\" };

/** The bytes as Python's repr() writes them. */
export function pythonBytes(bytes: Uint8Array): string {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  const body = Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    if (char === quote) return `\\${quote}`;
    if (NAMED_ESCAPES[byte] !== undefined) return NAMED_ESCAPES[byte];
    return byte >= 0x20 && byte < 0x7f ? char : `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return `b${quote}${body.join("")}${quote}`;
}
