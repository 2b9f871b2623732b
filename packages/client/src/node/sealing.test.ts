import fc from "fast-check";
import { expect, test } from "vitest";
import { SEAL_BYTES, seal, unseal } from "./sealing.ts";

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const bytes = fc.uint8Array({ maxLength: 200 });

test("sealed bytes open with their key and context, and never look the same twice", () => {
  fc.assert(
    fc.property(key, fc.string(), bytes, (k, context, plaintext) => {
      const sealed = seal(k, context, plaintext);
      expect(sealed.length).toBe(plaintext.length + SEAL_BYTES);
      expect(unseal(k, context, sealed)).toEqual(plaintext);
      expect(seal(k, context, plaintext)).not.toEqual(sealed);
    }),
  );
});

test("another key, another context and any changed bit are noticed", () => {
  fc.assert(
    fc.property(key, fc.string(), bytes, fc.nat(), (k, context, plaintext, place) => {
      const sealed = seal(k, context, plaintext);
      const otherKey = k.with(place % 32, (k[place % 32] ?? 0) ^ 1);
      expect(unseal(otherKey, context, sealed)).toBe("other-key");
      expect(unseal(k, `${context}x`, sealed)).toBe("damaged");
      const bit = place % (sealed.length * 8);
      const changed = sealed.with(bit >> 3, (sealed[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
      expect(unseal(k, context, changed)).toBeTypeOf("string");
      expect(unseal(k, context, sealed.subarray(0, place % sealed.length))).toBeTypeOf("string");
    }),
  );
});
