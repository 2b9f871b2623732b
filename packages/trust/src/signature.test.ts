import { ED25519_TORSION_SUBGROUP } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Secret } from "./secret.ts";
import {
  generateSigner,
  isUsablePublicKey,
  LABELS,
  labelled,
  signerFromSeed,
  verifySignature,
} from "./signature.ts";

/** RFC 8032 §7.1, TEST 2. */
const rfc8032 = {
  seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
  publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
  message: "72",
  signature:
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
};

test("signs and verifies the RFC 8032 example", async () => {
  const signer = await signerFromSeed(new Secret(Uint8Array.fromHex(rfc8032.seed)));
  const message = Uint8Array.fromHex(rfc8032.message);
  expect(signer.publicKey.toHex()).toBe(rfc8032.publicKey);
  const signature = await signer.sign(message);
  expect(signature.toHex()).toBe(rfc8032.signature);
  expect(await verifySignature(signer.publicKey, message, signature)).toBe(true);
});

test("a signature holds for its key, message and bytes only", async () => {
  const { signer } = await generateSigner();
  const { signer: other } = await generateSigner();
  const flip = (bytes: Uint8Array, bit: number) => {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    return flipped;
  };
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(511), async (message, bit) => {
      const signature = await signer.sign(message);
      expect(await verifySignature(signer.publicKey, message, signature)).toBe(true);
      expect(await verifySignature(other.publicKey, message, signature)).toBe(false);
      expect(await verifySignature(signer.publicKey, message, flip(signature, bit))).toBe(false);
      expect(
        await verifySignature(signer.publicKey, flip(message, bit % (message.length * 8)), signature),
      ).toBe(false);
      expect(await verifySignature(flip(signer.publicKey, bit % 256), message, signature)).toBe(false);
    }),
    { numRuns: 50 },
  );
});

test("keys of small order are refused, whichever way their sign bit is set", async () => {
  const forAnyMessage = new Uint8Array(64);
  forAnyMessage[0] = 1;
  for (const point of ED25519_TORSION_SUBGROUP) {
    const key = Uint8Array.fromHex(point);
    for (const sign of [0, 0x80]) {
      const variant = key.slice();
      variant[31] = (variant[31]! & 0x7f) | sign;
      expect(isUsablePublicKey(variant)).toBe(false);
      expect(await verifySignature(variant, new Uint8Array(1), forAnyMessage)).toBe(false);
    }
  }
});

test("y-coordinates from 2^255 - 19 on are refused, the one below is looked at", () => {
  for (let low = 0xed; low <= 0xff; low++) {
    const key = new Uint8Array(32).fill(0xff);
    key[0] = low;
    key[31] = 0x7f;
    expect(isUsablePublicKey(key)).toBe(false);
  }
  const below = new Uint8Array(32).fill(0xff);
  below[0] = 0xeb;
  below[31] = 0x7f;
  expect(isUsablePublicKey(below)).toBe(true);
});

test("keys and signatures that are none are false, not an error", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 70 }),
      async (key, signature) => {
        expect(await verifySignature(key, new Uint8Array(3), signature)).toBe(false);
      },
    ),
  );
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const signature = fc.uint8Array({ minLength: 64, maxLength: 64 });
  await fc.assert(
    fc.asyncProperty(key, signature, async (publicKey, forged) => {
      expect(await verifySignature(publicKey, new Uint8Array(3), forged)).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test("no label begins with another one", () => {
  const labels = Object.values(LABELS);
  for (const label of labels) {
    expect(labels.filter((other) => other.startsWith(label))).toEqual([label]);
  }
  expect(new TextDecoder().decode(labelled("leaf", Uint8Array.of(65), Uint8Array.of(66)))).toBe(
    "parley-leaf-v1AB",
  );
});
