import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { serverCode } from "./digits.ts";
import { isRoomCode, roomCode } from "./room-check.ts";

const vectors: { authenticator: string; code: string }[] = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/room-codes.json", import.meta.url), "utf8"),
);

test.each(vectors)("vector: $code", ({ authenticator, code }) => {
  expect(roomCode(Uint8Array.fromHex(authenticator))).toBe(code);
});

test("members of one epoch read the same 30 digits, members of another do not", () => {
  const authenticators = fc.uint8Array({ minLength: 32, maxLength: 64 });
  fc.assert(
    fc.property(authenticators, fc.nat(31), fc.integer({ min: 1, max: 255 }), (bytes, place, change) => {
      const code = roomCode(bytes);
      expect(code).toMatch(/^\d{5}( \d{5}){5}$/);
      expect(isRoomCode(code.replaceAll(" ", "-"), bytes)).toBe(true);
      const other = bytes.slice();
      other[place]! ^= change;
      expect(isRoomCode(code, other)).toBe(false);
    }),
  );
});

test("a room's digits are not those of a server, and what is too short is no authenticator", () => {
  const bytes = new Uint8Array(32).fill(1);
  expect(roomCode(bytes)).not.toBe(serverCode(bytes));
  expect(() => roomCode(bytes.subarray(1))).toThrow("malformed");
  expect(() => isRoomCode("y", bytes)).toThrow("code-invalid");
});
