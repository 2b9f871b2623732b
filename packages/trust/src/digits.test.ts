import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isSafetyNumber, isServerCode, parseCode, safetyNumber, serverCode } from "./digits.ts";

interface Vectors {
  readonly servers: { serverId: string; code: string }[];
  readonly accounts: { one: string; other: string; number: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/digits.json", import.meta.url), "utf8"),
);
const ids = fc.uint8Array({ minLength: 32, maxLength: 32 });

test.each(vectors.servers)("vector: server $code", ({ serverId, code }) => {
  expect(serverCode(Uint8Array.fromHex(serverId))).toBe(code);
});

test.each(vectors.accounts)("vector: accounts $number", ({ one, other, number }) => {
  expect(safetyNumber(Uint8Array.fromHex(one), Uint8Array.fromHex(other))).toBe(number);
});

test("codes are groups of five digits, and the order of people does not matter", () => {
  fc.assert(
    fc.property(ids, ids, (one, other) => {
      expect(serverCode(one)).toMatch(/^\d{5}( \d{5}){5}$/);
      expect(safetyNumber(one, other)).toMatch(/^\d{5}( \d{5}){11}$/);
      expect(safetyNumber(one, other)).toBe(safetyNumber(other, one));
      expect(isSafetyNumber(safetyNumber(one, other), other, one)).toBe(true);
    }),
  );
});

test("a code is read as people type it", () => {
  const id = new Uint8Array(32).fill(1);
  const code = serverCode(id);
  const fullWidth = code.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));
  const typed = [
    code,
    code.replaceAll(" ", ""),
    code.replaceAll(" ", "-"),
    code.replaceAll(" ", " – "),
    fullWidth,
  ];
  for (const text of [...typed, `\t${code.replaceAll(" ", "\n")}.`])
    expect(isServerCode(text, id)).toBe(true);
  expect(isServerCode(code, new Uint8Array(32))).toBe(false);
});

test("what has not 30 digits is no code", () => {
  const code = serverCode(new Uint8Array(32));
  for (const text of ["", "y", code.slice(1), `${code}0`, code.replace(/\d/, "o"), code.replace(/\d/, "٣")]) {
    expect(() => parseCode(text), text).toThrow("code-invalid");
  }
});

test("every digit counts", () => {
  fc.assert(
    fc.property(ids, fc.nat(29), fc.integer({ min: 1, max: 9 }), (id, place, change) => {
      const digits = [...parseCode(serverCode(id))];
      digits[place] = String((Number(digits[place]) + change) % 10);
      expect(isServerCode(digits.join(""), id)).toBe(false);
    }),
  );
});
