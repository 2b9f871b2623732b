import { describe, expect, test } from "vitest";
import { isOriginalServerGroup, judgeServerOffer, MODP14 } from "./group.ts";
import { answerHello, decodeHello, encodeHello, ServerKeyExchange } from "./key-exchange.ts";
import { packNumber } from "./numbers.ts";
import { hexNumber, vectorsOf } from "./testing/vectors.ts";

const { p, g } = MODP14;
const degenerate = expect.objectContaining({ code: "degenerate-group" });
const weak = expect.objectContaining({ code: "weak-public-key" });

describe("a client judges what a server offers", () => {
  test("and has nothing to say about RFC 3526 group 14", async () => {
    const params = vectorsOf("params").find(({ name }) => name === "dh-params-group14");
    expect(p).toBe(hexNumber(params?.["true_prime_hex"]));
    expect(await judgeServerOffer(MODP14, 5n)).toEqual([]);
    expect(isOriginalServerGroup(MODP14)).toBe(false);
  });

  test.each(vectorsOf("params"))(
    "and takes the original's composite modulus with a warning: $name",
    async (vector) => {
      const original = { p: hexNumber(vector["wire_p_hex"]), g: 258n };
      expect(isOriginalServerGroup(original)).toBe(true);
      const [warning, ...others] = await judgeServerOffer(original, 5n);
      expect(others).toEqual([]);
      expect(warning).toMatch(/2065 bits and is not prime.*M2Crypto/);
    },
  );

  test("and finds nothing wrong with the prime an original server meant", async () => {
    const [real] = vectorsOf("params");
    expect(await judgeServerOffer({ p: hexNumber(real?.["true_prime_hex"]), g: 2n }, 5n)).toEqual([]);
  });

  test("and warns of a modulus under 2048 bits", async () => {
    const mersenne = 2n ** 1279n - 1n;
    expect(await judgeServerOffer({ p: mersenne, g: 2n }, 5n)).toEqual([
      expect.stringContaining("1279 bits"),
    ]);
  });

  test.each([
    ["modulus 0", { p: 0n, g }],
    ["modulus 1", { p: 1n, g }],
    ["modulus 23", { p: 23n, g }],
    ["an even modulus", { p: p - 1n, g }],
    ["a composite modulus of no known kind", { p: p - 2n, g }],
    ["generator 0", { p, g: 0n }],
    ["generator 1", { p, g: 1n }],
    ["generator p - 1", { p, g: p - 1n }],
  ])("and refuses %s", async (_, group) => {
    await expect(judgeServerOffer(group, 5n)).rejects.toThrow(degenerate);
  });

  test.each([0n, 1n, p - 1n, p, p + 5n])("and refuses a weak public key (case %#)", async (publicKey) => {
    await expect(answerHello({ ...MODP14, publicKey })).rejects.toThrow(weak);
  });
});

describe("a server's key exchange", () => {
  const exchange = new ServerKeyExchange(MODP14);

  test("ends in the same key as the client's, over either kind of modulus", async () => {
    const [real] = vectorsOf("params");
    const wire = { p: hexNumber(real?.["wire_p_hex"]), g: 258n };
    for (const side of [exchange, new ServerKeyExchange(wire)]) {
      const offer = side.offer();
      const { answer, key } = await answerHello(decodeHello(offer.hello));
      expect(offer.accept(answer).exposeHex()).toBe(key.exposeHex());
    }
  });

  test("keeps two exchanges that run at once apart", async () => {
    const [first, second] = [exchange.offer(), exchange.offer()];
    const toFirst = await answerHello(decodeHello(first.hello));
    const toSecond = await answerHello(decodeHello(second.hello));
    expect(second.accept(toSecond.answer).exposeHex()).toBe(toSecond.key.exposeHex());
    expect(first.accept(toFirst.answer).exposeHex()).toBe(toFirst.key.exposeHex());
    expect(toFirst.key.exposeHex()).not.toBe(toSecond.key.exposeHex());
  });

  test.each([0n, 1n, p - 1n, p, p + 5n])("refuses a weak public key (case %#)", (publicKey) => {
    expect(() => exchange.offer().accept(packNumber(publicKey, 1024))).toThrow(weak);
  });

  test("greets with 2064 bytes, generator 2 and a fresh public key each time", () => {
    const [one, two] = [exchange.offer().hello, exchange.offer().hello];
    expect(one).toHaveLength(2064);
    expect(decodeHello(one)).toMatchObject(MODP14);
    expect(encodeHello(decodeHello(one))).toEqual(one);
    expect(decodeHello(one).publicKey).not.toBe(decodeHello(two).publicKey);
  });
});
