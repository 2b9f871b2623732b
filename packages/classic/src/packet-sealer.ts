import type { Cipheriv } from "node:crypto";
import { randomFillSync } from "node:crypto";
import type { SessionKey } from "./session-key.ts";
import { BLOCK_BYTES } from "./session-key.ts";

const BLANK = 0x20;
const LINE_FEED = 0x0a;
const NEVER_IN_TEXT = 0xff;

/**
 * How a text ends inside its last block. `blanks` is what originals write. `line` puts a line feed in the last byte:
 * the original's reading rule strips it like a blank, texts never hold one, so it is a certain end of packet.
 */
export type PacketEnd = "blanks" | "line";

/**
 * A text made ready for encryption: 15 random bytes behind one that UTF-8 has no use for, then the text padded to whole
 * blocks. The first block is what a reader finds in place of the IV, so it can never take that for text. One image
 * serves many keys.
 */
export type PacketImage = Uint8Array;

/** Pads by bytes with 1 to 16 blanks (classic-v1 §6 rule 4). `text` must be clean and at most MAX_TEXT_BYTES long. */
export function packetImage(text: string, end: PacketEnd): PacketImage {
  const textBytes = Buffer.byteLength(text);
  const image = Buffer.alloc(BLOCK_BYTES + (Math.floor(textBytes / BLOCK_BYTES) + 1) * BLOCK_BYTES, BLANK);
  randomFillSync(image, 0, BLOCK_BYTES);
  image[0] = NEVER_IN_TEXT;
  image.write(text, BLOCK_BYTES);
  if (end === "line") image[image.length - 1] = LINE_FEED;
  return image;
}

/**
 * Turns packet images into packets: IV, then AES-256-CBC. One encryption runs through the whole connection: the random
 * block of an image goes through it first, and what comes out, E(random ⊕ last block), cannot be foretold and serves
 * as that packet's IV. So any number of packets costs one native call, and each is an ordinary packet to its reader.
 */
export class PacketSealer {
  readonly #encryption: Cipheriv;
  #firstIv: Uint8Array | undefined;

  constructor(key: SessionKey, firstIv: Uint8Array) {
    this.#encryption = key.encryption(firstIv);
    this.#firstIv = firstIv;
  }

  /** The packets of these images, one behind the other. `images` must not be empty. */
  seal(images: readonly PacketImage[]): Uint8Array {
    const plain = images.length === 1 ? (images[0] as PacketImage) : Buffer.concat(images);
    if (this.#firstIv === undefined) return this.#encryption.update(plain);
    const first = Buffer.concat([this.#firstIv, this.#encryption.update(plain.subarray(BLOCK_BYTES))]);
    this.#firstIv = undefined;
    return first;
  }
}
