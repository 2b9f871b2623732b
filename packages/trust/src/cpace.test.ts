import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { ristretto255 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { CpaceInput } from "./cpace.ts";
import {
  CpaceExchange,
  calculateGenerator,
  generatorString,
  lengthValues,
  multiplyVerified,
} from "./cpace.ts";
import { Secret } from "./secret.ts";

interface Vectors {
  readonly generator: Record<
    "password" | "channel" | "session" | "generatorString" | "hash" | "generator",
    string
  >;
  readonly run: Record<
    "password" | "channel" | "session" | "ya" | "ADa" | "Ya" | "yb" | "ADb" | "Yb" | "K" | "isk",
    string
  >;
  readonly scalarMultVfy: { s: string; X: string; product: string; invalid: string[] };
  readonly lvCat: { parts: string[]; bytes: string }[];
}
/** The draft's own. */
const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/cpace.json", import.meta.url), "utf8"),
);
const hex = (text: string) => Uint8Array.fromHex(text);
const scalarOf = (text: string) => BigInt(`0x${hex(text).reverse().toHex()}`);
const inputOf = ({ password, channel, session }: Record<"password" | "channel" | "session", string>) => ({
  password: new Secret(hex(password)),
  channel: hex(channel),
  session: hex(session),
});

test.each(vectors.lvCat)("draft vector: lv_cat gives $bytes", ({ parts, bytes }) => {
  expect(lengthValues(...parts.map(hex)).toHex()).toBe(bytes);
});

test("draft vector: the generator", () => {
  const input = inputOf(vectors.generator);
  expect(generatorString(input).toHex()).toBe(vectors.generator.generatorString);
  expect(sha512(generatorString(input)).toHex()).toBe(vectors.generator.hash);
  expect(calculateGenerator(input).toHex()).toBe(vectors.generator.generator);
});

test("draft vector: a run gives both sides the draft's shares, point and key", () => {
  const { run } = vectors;
  const a = CpaceExchange.unsafeTestingBegin("initiator", inputOf(run), {
    associated: hex(run.ADa),
    scalar: hex(run.ya),
  });
  const b = CpaceExchange.unsafeTestingBegin("responder", inputOf(run), {
    associated: hex(run.ADb),
    scalar: hex(run.yb),
  });
  expect([a, b].map(({ message }) => message.share.toHex())).toEqual([run.Ya, run.Yb]);
  expect(multiplyVerified(scalarOf(run.ya), hex(run.Yb))?.toHex()).toBe(run.K);
  const keys = [a.finish(b.message), b.finish(a.message)];
  expect(keys.map((side) => side?.isk.expose().toHex())).toEqual([run.isk, run.isk]);
});

test("draft vector: what is no element, and the identity, is refused", () => {
  const { s, X, product, invalid } = vectors.scalarMultVfy;
  expect(multiplyVerified(scalarOf(s), hex(X))?.toHex()).toBe(product);
  for (const share of [...invalid, "", "00", `${"00".repeat(31)}01`, "ff".repeat(32)]) {
    expect(multiplyVerified(scalarOf(s), hex(share)), share).toBeUndefined();
    const exchange = CpaceExchange.begin("initiator", inputOf(vectors.run));
    expect(exchange.finish({ share: hex(share), associated: hex("") }), share).toBeUndefined();
  }
});

const bytes = fc.uint8Array({ maxLength: 40 });
const inputs = fc.record({ password: bytes, channel: bytes, session: bytes });
const toInput = (raw: { password: Uint8Array; channel: Uint8Array; session: Uint8Array }): CpaceInput => ({
  ...raw,
  password: new Secret(raw.password),
});

test("two sides have the same key exactly when they put the same in, and see the same messages", () => {
  const change = fc.constantFrom("password", "channel", "session", "associated", undefined);
  fc.assert(
    fc.property(inputs, bytes, bytes, change, (input, ada, adb, changed) => {
      const other = { ...input };
      if (changed && changed !== "associated") other[changed] = Uint8Array.of(...input[changed], 1);
      const a = CpaceExchange.begin("initiator", toInput(input), ada);
      const b = CpaceExchange.begin("responder", toInput(other), adb);
      const seen =
        changed === "associated" ? { ...b.message, associated: Uint8Array.of(...adb, 1) } : b.message;
      const [ka, kb] = [a.finish(seen), b.finish(a.message)];
      if (!ka || !kb) throw new Error("no keys");
      const isSame = changed === undefined;
      expect(ka.isPeerTag(kb.ownTag())).toBe(isSame);
      expect(kb.isPeerTag(ka.ownTag())).toBe(isSame);
      expect(Buffer.compare(ka.isk.expose(), kb.isk.expose()) === 0).toBe(isSame);
    }),
    { numRuns: 60 },
  );
});

test("a message sent back to its maker gives no key, and a tag sent back is not the other side's", () => {
  const input = inputOf(vectors.run);
  const a = CpaceExchange.begin("initiator", input, hex("01"));
  const b = CpaceExchange.begin("responder", input, hex("02"));
  expect(a.finish(a.message)).toBeUndefined();
  const keys = a.finish(b.message);
  expect(keys?.isPeerTag(keys.ownTag())).toBe(false);
});

test("two initiators do not get one key", () => {
  const [a, b] = [1, 2].map((n) => CpaceExchange.begin("initiator", inputOf(vectors.run), Uint8Array.of(n)));
  const [ka, kb] = [a?.finish(b!.message), b?.finish(a!.message)];
  expect(ka?.isPeerTag(kb!.ownTag())).toBe(false);
});

test("shares are elements other than the identity, and no two are the same", () => {
  const shares = Array.from(
    { length: 20 },
    () => CpaceExchange.begin("initiator", inputOf(vectors.run)).message.share,
  );
  expect(new Set(shares.map((share) => share.toHex())).size).toBe(20);
  for (const share of shares) expect(ristretto255.Point.fromBytes(share).is0()).toBe(false);
});

test("an exchange and its keys show no secret", () => {
  const a = CpaceExchange.begin("initiator", inputOf(vectors.run));
  const b = CpaceExchange.begin("responder", inputOf(vectors.run));
  const keys = a.finish(b.message);
  expect(inspect(a)).not.toMatch(/\d{20}n/);
  expect(inspect(keys)).toContain("[secret]");
  expect(JSON.stringify(keys)).toBe('{"isk":"[secret]"}');
});
