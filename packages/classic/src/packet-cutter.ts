import type { Decipheriv } from "node:crypto";
import { ClassicError } from "./errors.ts";
import type { SessionKey } from "./session-key.ts";
import { BLOCK_BYTES } from "./session-key.ts";
import type { Utf8State } from "./utf8-blocks.ts";
import { BETWEEN_CHARACTERS, scanBlock } from "./utf8-blocks.ts";

/** One message cut out of the stream. `text` is as sent, blanks at its end stripped: not yet fit for a screen. */
export interface CutMessage {
  readonly text: string;
  readonly packetBytes: number;
  /** The packet as it stood on the wire, when the cutter was told to keep packets. */
  readonly packet?: Uint8Array;
}

/**
 * What the bytes behind the last message are. `nothing`; `ended`: surely a whole packet; `perhaps-ended`: a packet
 * that ends in a single blank, which may stand between two words; `open`: more must come.
 */
export type CutterTail = "nothing" | "open" | "perhaps-ended" | "ended";

export interface PacketCutterOptions {
  readonly key: SessionKey;
  /** The first IV by which a peer of ours shows that it ends its packets in a line feed once it knows us. */
  readonly peerMark: Uint8Array;
  readonly keepPackets?: boolean;
}

/** Longest text taken from one packet. An original sends at most what its user typed. */
const LONGEST_TEXT_BYTES = 64 * 1024;
const BLANK = 0x20;
const LINE_FEED = 0x0a;
const NO_BYTES = Buffer.alloc(0);

/**
 * Cuts a stream without frames into messages (classic-v1 §6 rule 5). Every block is decrypted with the one before it.
 * While the result goes on as text it belongs to the message; a block that does not, behind a text that ends in a
 * blank, is the IV of the next packet. All else is malformed and throws; after a throw the cutter is of no use.
 */
export class PacketCutter {
  readonly #decryption: Decipheriv;
  readonly #peerMark: Uint8Array;
  readonly #keepPackets: boolean;
  #firstIv = new Uint8Array(0);
  #peerIsMarked = false;
  /** Undecided text of the packet under way, from its first byte. */
  #text: Buffer = NO_BYTES;
  #utf8: Utf8State = BETWEEN_CHARACTERS;
  #insidePacket = false;
  #partialBytes = 0;
  #packets: Buffer = NO_BYTES;

  constructor({ key, peerMark, keepPackets = false }: PacketCutterOptions) {
    this.#decryption = key.decryption();
    this.#peerMark = peerMark;
    this.#keepPackets = keepPackets;
  }

  /** Whether the peer's first IV was the mark: it is one of ours. */
  get peerIsMarked(): boolean {
    return this.#peerIsMarked;
  }

  get tail(): CutterTail {
    if (this.#partialBytes > 0) return "open";
    if (!this.#insidePacket) return "nothing";
    const { length } = this.#text;
    if (length === 0 || this.#utf8 !== BETWEEN_CHARACTERS || this.#text[length - 1] !== BLANK) return "open";
    return this.#text[length - 2] === BLANK ? "ended" : "perhaps-ended";
  }

  /** Takes the next bytes of the stream and returns the messages that are certain now. Throws `malformed-stream`. */
  push(chunk: Uint8Array): CutMessage[] {
    if (this.#firstIv.length < BLOCK_BYTES) this.#readFirstIv(chunk);
    if (this.#keepPackets) this.#packets = Buffer.concat([this.#packets, chunk]);
    this.#partialBytes = (this.#partialBytes + chunk.length) % BLOCK_BYTES;
    const plain = this.#decryption.update(chunk);
    const bytes = this.#text.length === 0 ? plain : Buffer.concat([this.#text, plain]);
    return this.#cut(bytes, this.#text.length);
  }

  /**
   * Takes the text that waited for its end, when a quiet time or the end of the connection has shown that nothing
   * more belongs to it. Throws `malformed-stream` for half a block or half a character.
   */
  flush(): CutMessage | undefined {
    if (this.#partialBytes > 0 || this.#utf8 !== BETWEEN_CHARACTERS)
      throw malformed("stops inside a message");
    if (!this.#insidePacket || this.#text.length === 0) return undefined;
    const message = this.#message(this.#text, 0, this.#text.length);
    this.#text = NO_BYTES;
    this.#insidePacket = false;
    return message;
  }

  #cut(bytes: Buffer, from: number): CutMessage[] {
    const messages: CutMessage[] = [];
    let start = 0;
    for (let at = from; at < bytes.length; at += BLOCK_BYTES) {
      if (!this.#insidePacket) {
        this.#insidePacket = true;
        start = at + BLOCK_BYTES;
        continue;
      }
      const scan = scanBlock(bytes, at, this.#utf8);
      const endsPacket = this.#peerIsMarked && bytes[at + BLOCK_BYTES - 1] === LINE_FEED;
      const mayBeIv = at > start && this.#utf8 === BETWEEN_CHARACTERS && bytes[at - 1] === BLANK;
      if (scan.valid && endsPacket) {
        messages.push(this.#message(bytes, start, at + BLOCK_BYTES));
        this.#insidePacket = false;
        this.#utf8 = BETWEEN_CHARACTERS;
        start = at + BLOCK_BYTES;
      } else if (scan.valid && !(scan.control && mayBeIv)) {
        this.#utf8 = scan.state;
      } else if (mayBeIv) {
        messages.push(this.#message(bytes, start, at));
        start = at + BLOCK_BYTES;
      } else {
        throw malformed("is not text");
      }
    }
    if (bytes.length - start > LONGEST_TEXT_BYTES) throw malformed("has no end");
    // A copy, so that a short rest does not keep a whole read alive.
    this.#text = start >= bytes.length ? NO_BYTES : Buffer.from(bytes.subarray(start));
    return messages;
  }

  #message(bytes: Buffer, start: number, end: number): CutMessage {
    const packetBytes = BLOCK_BYTES + end - start;
    let last = end;
    while (last > start && isAsciiSpace(bytes[last - 1])) last--;
    const text = bytes.toString("utf8", start, last);
    if (!this.#keepPackets) return { text, packetBytes };
    const packet = this.#packets.subarray(0, packetBytes);
    this.#packets = this.#packets.subarray(packetBytes);
    return { text, packetBytes, packet };
  }

  #readFirstIv(chunk: Uint8Array): void {
    const missing = BLOCK_BYTES - this.#firstIv.length;
    this.#firstIv = Buffer.concat([this.#firstIv, chunk.subarray(0, missing)]);
    this.#peerIsMarked = Buffer.compare(this.#firstIv, this.#peerMark) === 0;
  }
}

/** What Python's bytes.rstrip() takes away. */
function isAsciiSpace(byte: number | undefined): boolean {
  return byte === BLANK || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}

function malformed(what: string): ClassicError {
  return new ClassicError("malformed-stream", `What came over the connection ${what}.`);
}
