import { inspect } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { makeStoreKey, PASSWORD_COST, passwordFrom, unwrapStoreKey } from "./store-key.ts";

const CHEAP = { memoryKib: 64, passes: 1, lanes: 1 };
const PASSWORD = "correct horse";

test("the header gives the key back to its password, whatever the cost it was made with", async () => {
  for (const cost of [CHEAP, { memoryKib: 256, passes: 2, lanes: 2 }]) {
    const { key, header } = await makeStoreKey(passwordFrom(PASSWORD), cost);
    expect((await unwrapStoreKey(header, passwordFrom(PASSWORD))).expose()).toEqual(key.expose());
    await expect(unwrapStoreKey(header, passwordFrom(`${PASSWORD}s`))).rejects.toMatchObject({
      code: "wrong-password",
    });
  }
});

test("two headers of one password have nothing in common but the cost", async () => {
  const [one, two] = [
    await makeStoreKey(passwordFrom(PASSWORD), CHEAP),
    await makeStoreKey(passwordFrom(PASSWORD), CHEAP),
  ];
  expect(one.key.expose()).not.toEqual(two.key.expose());
  expect(one.header).not.toEqual(two.header);
});

test("a header with any changed bit is unreadable, not a wrong password", async () => {
  const { header } = await makeStoreKey(passwordFrom(PASSWORD), CHEAP);
  await fc.assert(
    fc.asyncProperty(fc.nat(header.length * 8 - 1), async (bit) => {
      const changed = header.with(bit >> 3, (header[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
      await expect(unwrapStoreKey(changed, passwordFrom(PASSWORD))).rejects.toMatchObject({
        name: "StoreError",
        code: "unreadable",
      });
    }),
  );
});

test("a new password costs at least what RFC 9106 asks of small machines", () => {
  expect(PASSWORD_COST.memoryKib).toBeGreaterThanOrEqual(65_536);
  expect(PASSWORD_COST.passes).toBeGreaterThanOrEqual(3);
});

test("letters typed in another way are the same password, and a password does not print", () => {
  expect(passwordFrom("e\u0301clair").expose()).toEqual(passwordFrom("\u00e9clair").expose());
  expect(inspect({ password: passwordFrom(PASSWORD) })).not.toContain(PASSWORD);
});
