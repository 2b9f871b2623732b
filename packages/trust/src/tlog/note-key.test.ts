import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatVerifierKey,
  generateKey,
  isKeyName,
  noteSigner,
  noteVerifier,
  parseVerifierKey,
  SIGNATURE_TYPE_COSIGNATURE,
  SIGNATURE_TYPE_ED25519,
} from "./note-key.ts";
import { readVectors } from "./test-vectors.ts";

interface Vectors {
  readonly signing: readonly { readonly skey: string; readonly vkey: string }[];
  readonly invalidVkeys: readonly string[];
  readonly invalidSkeys: readonly string[];
}

const vectors = readVectors<Vectors>("signed-note");

describe("a verifier key", () => {
  test.each(vectors.signing)("prints back as it was read: $vkey", ({ vkey }) => {
    expect(formatVerifierKey(parseVerifierKey(vkey))).toBe(vkey);
  });

  test.each(vectors.invalidVkeys)("is refused as %j", (vkey) => {
    expect(() => parseVerifierKey(vkey)).toThrow(expect.objectContaining({ code: "malformed-key" }));
  });

  test("of another signature type is read, but verifies no plain note", async () => {
    const { vkey } = await generateKey({ name: "w.example", type: SIGNATURE_TYPE_COSIGNATURE });
    expect(parseVerifierKey(vkey).type).toBe(4);
    expect(() => noteVerifier(vkey)).toThrow(expect.objectContaining({ code: "unsupported-key" }));
    const key = { name: "pq.example", type: 0x06, publicKey: new Uint8Array(1312) };
    expect(parseVerifierKey(formatVerifierKey(key))).toMatchObject(key);
  });
});

describe("a private key", () => {
  test.each(vectors.invalidSkeys)("is refused as %j", async (skey) => {
    await expect(noteSigner(skey)).rejects.toMatchObject({ code: "malformed-key" });
  });

  test("of a witness signs no plain note", async () => {
    const { skey } = await generateKey({ name: "w.example", type: SIGNATURE_TYPE_COSIGNATURE });
    await expect(noteSigner(skey.reveal())).rejects.toMatchObject({ code: "unsupported-key" });
  });

  test("made twice is another one each time, made from a seed the same", async () => {
    const make = (seed?: Uint8Array) =>
      generateKey({ name: "log.example", type: SIGNATURE_TYPE_ED25519, ...(seed && { seed }) });
    expect((await make()).vkey).not.toBe((await make()).vkey);
    const seed = new Uint8Array(32).fill(7);
    expect((await make(seed)).vkey).toBe((await make(seed)).vkey);
  });

  test("never prints", async () => {
    const pair = await generateKey({ name: "log.example", type: SIGNATURE_TYPE_ED25519 });
    const signer = await noteSigner(pair.skey.reveal());
    const material = pair.skey.reveal().split("+").slice(3).join("+");
    for (const secret of [pair, signer]) {
      for (const printed of [
        inspect(secret, { depth: 9, showHidden: true }),
        JSON.stringify(secret),
        `${pair.skey}`,
      ]) {
        expect(printed).not.toContain(material);
      }
    }
    expect(inspect(pair.skey)).toBe("[secret key]");
  });

  test("is refused with a message that does not hold it", async () => {
    const { skey } = await generateKey({ name: "log.example", type: SIGNATURE_TYPE_ED25519 });
    const material = skey.reveal().split("+").slice(3).join("+");
    const error = await noteSigner(skey.reveal().replace("log.example", "lag.example")).catch(
      (e: unknown) => e,
    );
    expect(inspect(error)).not.toContain(material);
    expect(inspect(error)).toContain("malformed-key");
  });
});

test("a key name is any text without white space, plus and control characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 8 }), (name) => {
      const isForbidden = (character: string) =>
        /[\s+\u0085]/u.test(character) ? character !== "\ufeff" : character < " ";
      expect(isKeyName(name)).toBe(name.length > 0 && name.isWellFormed() && ![...name].some(isForbidden));
    }),
    { numRuns: 1000 },
  );
});
