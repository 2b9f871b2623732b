import { inspect } from "node:util";
import { expect, test } from "vitest";
import { SessionKey } from "./session-key.ts";

const key = new SessionKey(Buffer.alloc(32, 0xab));

test("a session key does not print", () => {
  const prints = [
    String(key),
    `${key}`,
    JSON.stringify({ key }),
    inspect(key),
    inspect({ key }, { showHidden: true }),
  ];
  for (const print of prints) {
    expect(print).toContain("[SessionKey]");
    expect(print).not.toMatch(/ab, ?ab|abab|171/);
  }
});

test("its fingerprint is the same at both ends, short, and no part of the key", () => {
  expect(new SessionKey(Buffer.alloc(32, 0xab)).fingerprint).toBe(key.fingerprint);
  expect(key.fingerprint).toMatch(/^([0-9a-f]{4}-){3}[0-9a-f]{4}$/);
  expect(key.fingerprint).not.toBe(new SessionKey(Buffer.alloc(32, 1)).fingerprint);
});

test("the two ends mark their first packets differently", () => {
  expect(key.firstIv("client")).toHaveLength(16);
  expect(key.firstIv("client")).not.toEqual(key.firstIv("relay"));
});
