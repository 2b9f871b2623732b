import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { CiphersuiteImpl } from "ts-mls";
import { defaultCryptoProvider, getCiphersuiteFromName } from "ts-mls";
import { expect, test } from "vitest";
import { suiteName } from "../suites.ts";
import { makeHkdf } from "./hkdf.ts";
import { nodeCrypto } from "./index.ts";
import { makeXWingKem } from "./kem-x-wing.ts";
import { makeX25519Kem } from "./kem-x25519.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (value: Uint8Array): string => Buffer.from(value).toString("hex");

/** The library's own primitives: WebCrypto and @hpke. It can't do suite 3 here: that needs a package we don't install. */
const theirs = (suite: 1 | 83): Promise<CiphersuiteImpl> =>
  defaultCryptoProvider.getCiphersuiteImpl(getCiphersuiteFromName(suiteName(suite)));

const SOME = { numRuns: 25 };
const data = fc.uint8Array({ maxLength: 300 });

test.each([1, 83] as const)("hash, MAC and KDF equal the library's, suite %i", async (suite) => {
  const [ours, other] = [nodeCrypto(suite), await theirs(suite)];
  expect(ours.kdf.size).toBe(other.kdf.size);
  // The library's HKDF takes salts of the hash's length alone.
  const key = fc.uint8Array({ minLength: ours.kdf.size, maxLength: ours.kdf.size });
  await fc.assert(
    fc.asyncProperty(key, data, fc.integer({ min: 1, max: 200 }), async (secret, input, length) => {
      expect(hex(await ours.hash.digest(input))).toBe(hex(await other.hash.digest(input)));
      const tag = await ours.hash.mac(secret, input);
      expect(hex(tag)).toBe(hex(await other.hash.mac(secret, input)));
      expect(await ours.hash.verifyMac(secret, tag, input)).toBe(true);
      expect(await ours.hash.verifyMac(secret, tag.slice(1), input)).toBe(false);
      const extracted = await ours.kdf.extract(secret, input);
      expect(hex(extracted)).toBe(hex(await other.kdf.extract(secret, input)));
      const expanded = await ours.kdf.expand(extracted, input, length);
      expect(hex(expanded)).toBe(hex(await other.kdf.expand(extracted, input, length)));
    }),
    SOME,
  );
});

test.each([1, 83] as const)(
  "AEAD equals the library's, and a flipped bit is refused, suite %i",
  async (suite) => {
    const [ours, other] = [nodeCrypto(suite).hpke, (await theirs(suite)).hpke];
    expect([ours.keyLength, ours.nonceLength]).toEqual([other.keyLength, other.nonceLength]);
    const key = fc.uint8Array({ minLength: ours.keyLength, maxLength: ours.keyLength });
    const nonce = fc.uint8Array({ minLength: 12, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(key, nonce, data, data, fc.nat(), async (secret, iv, about, plaintext, bit) => {
        const sealed = await ours.encryptAead(secret, iv, about, plaintext);
        expect(hex(sealed)).toBe(hex(await other.encryptAead(secret, iv, about, plaintext)));
        expect(hex(await ours.decryptAead(secret, iv, about, sealed))).toBe(hex(plaintext));
        sealed[bit % sealed.length]! ^= 1;
        await expect(ours.decryptAead(secret, iv, about, sealed)).rejects.toThrow("the tag does not hold");
      }),
      SOME,
    );
  },
);

test.each([1, 83] as const)(
  "HPKE opens what the library seals, and the other way round, suite %i",
  async (suite) => {
    const [ours, other] = [nodeCrypto(suite).hpke, (await theirs(suite)).hpke];
    const seed = fc.uint8Array({ minLength: 32, maxLength: 64 });
    await fc.assert(
      fc.asyncProperty(seed, data, data, data, async (inputKey, info, about, plaintext) => {
        const [mine, yours] = [await ours.deriveKeyPair(inputKey), await other.deriveKeyPair(inputKey)];
        const rawPublic = await ours.exportPublicKey(mine.publicKey);
        expect(hex(rawPublic)).toBe(hex(await other.exportPublicKey(yours.publicKey)));
        const rawPrivate = await ours.exportPrivateKey(mine.privateKey);
        expect(hex(rawPrivate)).toBe(hex(await other.exportPrivateKey(yours.privateKey)));
        const sealedByUs = await ours.seal(await ours.importPublicKey(rawPublic), plaintext, info, about);
        expect(hex(await other.open(yours.privateKey, sealedByUs.enc, sealedByUs.ct, info, about))).toBe(
          hex(plaintext),
        );
        const sealedByThem = await other.seal(yours.publicKey, plaintext, info, about);
        const opener = await ours.importPrivateKey(rawPrivate);
        expect(hex(await ours.open(opener, sealedByThem.enc, sealedByThem.ct, info, about))).toBe(
          hex(plaintext),
        );
        const exported = await ours.exportSecret(mine.publicKey, about, 48, info);
        expect(hex(await other.importSecret(yours.privateKey, about, exported.enc, 48, info))).toBe(
          hex(exported.secret),
        );
      }),
      SOME,
    );
  },
);

test("Ed25519 signatures equal the library's", async () => {
  const [ours, other] = [nodeCrypto(1).signature, (await theirs(1)).signature];
  const { publicKey, signKey } = await ours.keygen();
  await fc.assert(
    fc.asyncProperty(data, async (message) => {
      const signature = await ours.sign(signKey, message);
      expect(hex(signature)).toBe(hex(await other.sign(signKey, message)));
      expect(await ours.verify(publicKey, message, signature)).toBe(true);
      expect(await ours.verify(publicKey, Uint8Array.of(...message, 0), signature)).toBe(false);
    }),
    SOME,
  );
  expect(await ours.verify(publicKey.slice(1), new Uint8Array(1), new Uint8Array(64))).toBe(false);
});

test.each([
  {
    name: "A.1.1, AES-128-GCM",
    suite: 1 as const,
    ikmR: "6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037",
    skRm: "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
    pkRm: "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
    enc: "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
    ct: "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
  },
  {
    name: "A.2.1, ChaCha20-Poly1305",
    suite: 3 as const,
    ikmR: "1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df",
    skRm: "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
    pkRm: "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
    enc: "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
    ct: "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
  },
])("RFC 9180 $name", async ({ suite, ikmR, skRm, pkRm, enc, ct }) => {
  const { hpke } = nodeCrypto(suite);
  const pair = await hpke.deriveKeyPair(bytes(ikmR));
  expect(hex(await hpke.exportPrivateKey(pair.privateKey))).toBe(skRm);
  expect(hex(await hpke.exportPublicKey(pair.publicKey))).toBe(pkRm);
  const info = new TextEncoder().encode("Ode on a Grecian Urn");
  const about = new TextEncoder().encode("Count-0");
  const opened = await hpke.open(pair.privateKey, bytes(enc), bytes(ct), info, about);
  expect(Buffer.from(opened).toString()).toBe("Beauty is truth, truth beauty");
});

test("RFC 9180 A.1.1, exported secrets", async () => {
  const { hpke } = nodeCrypto(1);
  const key = await hpke.importPrivateKey(
    bytes("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"),
  );
  const enc = bytes("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431");
  const info = new TextEncoder().encode("Ode on a Grecian Urn");
  const exported = async (context: string) =>
    hex(await hpke.importSecret(key, bytes(context), enc, 32, info));
  expect(await exported("")).toBe("3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee");
  expect(await exported("00")).toBe("2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5");
  expect(await exported("54657374436f6e74657874")).toBe(
    "e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931",
  );
});

test("RFC 5869 A.1 and its limit", () => {
  const hkdf = makeHkdf("sha256");
  const key = hkdf.extract(bytes("000102030405060708090a0b0c"), new Uint8Array(22).fill(0x0b));
  expect(hex(key)).toBe("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  expect(hex(hkdf.expand(key, bytes("f0f1f2f3f4f5f6f7f8f9"), 42))).toBe(
    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
  );
  expect(hkdf.expand(key, new Uint8Array(0), 255 * 32)).toHaveLength(255 * 32);
  expect(() => hkdf.expand(key, new Uint8Array(0), 255 * 32 + 1)).toThrow(RangeError);
});

interface XWingVector {
  readonly sk: string;
  readonly pk: string;
  readonly ct: string;
  readonly ss: string;
}

const xWing = JSON.parse(readFileSync(join(import.meta.dirname, "x-wing-vectors.json"), "utf8")) as {
  readonly vectors: readonly XWingVector[];
};

test.each(xWing.vectors)(
  "X-Wing, draft-connolly-cfrg-xwing-kem appendix C, key $sk",
  ({ sk, pk, ct, ss }) => {
    const kem = makeXWingKem();
    expect(hex(kem.decapsulate(kem.importPrivate(bytes(sk)), bytes(ct)))).toBe(ss);
    const { encapsulated, shared } = kem.encapsulate(kem.importPublic(bytes(pk)));
    expect(hex(kem.decapsulate(kem.importPrivate(bytes(sk)), encapsulated))).toBe(hex(shared));
  },
);

test("keys and encapsulations of a wrong length are refused", () => {
  for (const kem of [makeX25519Kem(), makeXWingKem()]) {
    const { privateKey, publicKey } = kem.generate();
    const { encapsulated } = kem.encapsulate(publicKey);
    expect(() => kem.importPublic(publicKey.raw.slice(1))).toThrow(RangeError);
    expect(() => kem.importPrivate(privateKey.raw.slice(1))).toThrow(RangeError);
    expect(() => kem.decapsulate(privateKey, encapsulated.slice(1))).toThrow(RangeError);
  }
});

test("X25519 refuses a point of low order, whose shared secret anybody knows", () => {
  const kem = makeX25519Kem();
  const { privateKey } = kem.generate();
  expect(() => kem.decapsulate(privateKey, new Uint8Array(32))).toThrow();
});
