import { BLOCK_BYTES } from "./session-key.ts";

/** Where a UTF-8 text stands between two blocks: 0 between two characters, else inside the named kind of one. */
export type Utf8State = number;

export const BETWEEN_CHARACTERS: Utf8State = 0;
const ONE_MORE = 1;
const TWO_MORE = 2;
const THREE_MORE = 3;
const AFTER_C2 = 4;
const AFTER_E0 = 5;
const AFTER_ED = 6;
const AFTER_F0 = 7;
const AFTER_F4 = 8;

/** What one block does to a text. */
export interface BlockScan {
  /** False when the bytes cannot go on the text: not UTF-8. */
  readonly valid: boolean;
  /** Whether a control character (C0, DEL, C1) is among them. */
  readonly control: boolean;
  readonly state: Utf8State;
}

const INVALID: BlockScan = { valid: false, control: false, state: BETWEEN_CHARACTERS };
const PLAIN: BlockScan = { valid: true, control: false, state: BETWEEN_CHARACTERS };

/** Reads the block at `offset` as the continuation of a text in `state` (RFC 3629 §4, Unicode table 3-7). */
export function scanBlock(bytes: Uint8Array, offset: number, state: Utf8State): BlockScan {
  let control = false;
  for (let i = offset; i < offset + BLOCK_BYTES; i++) {
    const byte = bytes[i] as number;
    if (state === BETWEEN_CHARACTERS) {
      if (byte >= 0x20 && byte < 0x7f) continue;
      if (byte < 0x80) {
        control = true;
        continue;
      }
      state = afterLead(byte);
      if (state === BETWEEN_CHARACTERS) return INVALID;
    } else {
      if (!continues(byte, state)) return INVALID;
      if (state === AFTER_C2 && byte < 0xa0) control = true;
      state = afterContinuation(state);
    }
  }
  return control || state !== BETWEEN_CHARACTERS ? { valid: true, control, state } : PLAIN;
}

/** The state after a lead byte from 0x80 on; BETWEEN_CHARACTERS when it is none. */
function afterLead(byte: number): Utf8State {
  if (byte < 0xc2 || byte > 0xf4) return BETWEEN_CHARACTERS;
  if (byte === 0xc2) return AFTER_C2;
  if (byte < 0xe0) return ONE_MORE;
  if (byte === 0xe0) return AFTER_E0;
  if (byte === 0xed) return AFTER_ED;
  if (byte < 0xf0) return TWO_MORE;
  if (byte === 0xf0) return AFTER_F0;
  return byte === 0xf4 ? AFTER_F4 : THREE_MORE;
}

function continues(byte: number, state: Utf8State): boolean {
  const lowest = state === AFTER_E0 ? 0xa0 : state === AFTER_F0 ? 0x90 : 0x80;
  const highest = state === AFTER_ED ? 0x9f : state === AFTER_F4 ? 0x8f : 0xbf;
  return byte >= lowest && byte <= highest;
}

function afterContinuation(state: Utf8State): Utf8State {
  switch (state) {
    case TWO_MORE:
    case AFTER_E0:
    case AFTER_ED:
      return ONE_MORE;
    case THREE_MORE:
    case AFTER_F0:
    case AFTER_F4:
      return TWO_MORE;
    default:
      return BETWEEN_CHARACTERS;
  }
}
