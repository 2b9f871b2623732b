import fc from "fast-check";
import { expect, test } from "vitest";
import { BETWEEN_CHARACTERS, scanBlock } from "./utf8-blocks.ts";

/** The scan of a whole text of any length, padded with blanks to blocks. */
function scanAll(bytes: Uint8Array) {
  const padded = Buffer.alloc(Math.ceil((bytes.length + 1) / 16) * 16, 0x20);
  padded.set(bytes);
  let state = BETWEEN_CHARACTERS;
  let control = false;
  for (let at = 0; at < padded.length; at += 16) {
    const scan = scanBlock(padded, at, state);
    if (!scan.valid) return { valid: false, control };
    state = scan.state;
    control ||= scan.control;
  }
  return { valid: state === BETWEEN_CHARACTERS, control };
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

test("agrees with the platform on what is UTF-8, for bytes that are nearly so", () => {
  const leads = [
    0x20, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1,
    0xf4, 0xf5,
  ];
  const byte = fc.oneof(fc.constantFrom(...leads), fc.nat(255));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), fc.array(byte, { maxLength: 20 }), (random, chosen) => {
      const bytes = Uint8Array.from([...chosen, ...random]);
      expect(scanAll(bytes).valid).toBe(isUtf8(bytes));
    }),
    { numRuns: 3000 },
  );
});

test("agrees with Unicode on what is a control character, in texts across blocks", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (raw) => {
      const text = raw.toWellFormed();
      expect(scanAll(Buffer.from(text))).toEqual({ valid: true, control: /\p{Cc}/u.test(text) });
    }),
  );
});
