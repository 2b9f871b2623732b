import { ed25519 as noble } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Ed25519 } from "./ed25519.ts";
import { webCryptoEd25519 } from "./ed25519.ts";
import { generateKey, noteSigner, noteVerifier } from "./note-key.ts";
import { openNote, signNote } from "./signed-note.ts";

const unhex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

const nobleEd25519: Ed25519 = {
  publicKey: async (seed) => noble.getPublicKey(seed),
  sign: async (seed, message) => noble.sign(message, seed),
  verify: async (publicKey, message, signature) => noble.verify(signature, message, publicKey),
};

describe("Ed25519 by WebCrypto", () => {
  // RFC 8032 §7.1, tests 1 and 2.
  test.each([
    {
      seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      publicKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      message: "",
      signature:
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    },
    {
      seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      message: "72",
      signature:
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    },
  ])("gives the signature of RFC 8032 for %j", async (vector) => {
    const [seed, publicKey, message] = [unhex(vector.seed), unhex(vector.publicKey), unhex(vector.message)];
    const signature = unhex(vector.signature);
    expect(await webCryptoEd25519.publicKey(seed)).toEqual(publicKey);
    expect(await webCryptoEd25519.sign(seed, message)).toEqual(signature);
    expect(await webCryptoEd25519.verify(publicKey, message, signature)).toBe(true);
  });

  test("agrees with another implementation", async () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    await fc.assert(
      fc.asyncProperty(
        bytes(32),
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(511),
        async (seed, message, bit) => {
          const publicKey = await webCryptoEd25519.publicKey(seed);
          const signature = await webCryptoEd25519.sign(seed, message);
          expect(publicKey).toEqual(await nobleEd25519.publicKey(seed));
          expect(signature).toEqual(await nobleEd25519.sign(seed, message));
          signature[bit >> 3]! ^= 1 << (bit & 7);
          expect(await webCryptoEd25519.verify(publicKey, message, signature)).toBe(false);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("answers false for what is no signature and no public key", async () => {
    const seed = new Uint8Array(32).fill(1);
    const publicKey = await webCryptoEd25519.publicKey(seed);
    const message = new Uint8Array(3);
    const signature = await webCryptoEd25519.sign(seed, message);
    // The group order added to S: the same scalar, not reduced (RFC 8032 §5.1.7).
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(signature.slice(32)).reverse().toString("hex")}`) + order;
    const unreduced = signature.slice();
    unreduced.set(unhex(s.toString(16).padStart(64, "0")).reverse(), 32);
    const noPoint = new Uint8Array(32).fill(0xff);
    for (const [key, wrong] of [
      [publicKey, unreduced],
      [publicKey, signature.slice(0, 63)],
      [publicKey, new Uint8Array(0)],
      [publicKey.slice(1), signature],
      [noPoint, signature],
    ] as const) {
      expect(await webCryptoEd25519.verify(key, message, wrong)).toBe(false);
    }
  });

  test("may be replaced by another", async () => {
    const { vkey, skey } = await generateKey({ name: "log.example", type: 1 }, nobleEd25519);
    const note = await signNote("text\n", [await noteSigner(skey.reveal(), nobleEd25519)]);
    expect((await openNote(note, [noteVerifier(vkey)])).verified.length).toBe(1);
    expect((await openNote(note, [noteVerifier(vkey, nobleEd25519)])).verified.length).toBe(1);
  });
});
