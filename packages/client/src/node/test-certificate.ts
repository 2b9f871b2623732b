import { createHash, generateKeyPairSync, sign } from "node:crypto";

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  return Buffer.concat([Buffer.of(tag, 0x82, body.length >> 8, body.length & 0xff), body]);
}

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const ECDSA_WITH_SHA256 = sequence(Buffer.from("06082a8648ce3d040302", "hex"));
const COMMON_NAME_TEST = sequence(
  der(0x31, sequence(Buffer.from("0603550403", "hex"), der(0x0c, Buffer.from("test")))),
);
const VALID_FOR_EVER = sequence(
  der(0x18, Buffer.from("20200101000000Z")),
  der(0x18, Buffer.from("99991231235959Z")),
);

/** A fresh P-256 key with a certificate that it signed itself, and the hash of its SubjectPublicKeyInfo. */
export function makeTestCertificate() {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const version3 = der(0xa0, der(0x02, Buffer.of(2)));
  const serial = der(0x02, Buffer.of(1));
  const content = sequence(
    version3,
    serial,
    ECDSA_WITH_SHA256,
    COMMON_NAME_TEST,
    VALID_FOR_EVER,
    COMMON_NAME_TEST,
    spki,
  );
  const signature = der(0x03, Buffer.of(0), sign("sha256", content, privateKey));
  const certificate = sequence(content, ECDSA_WITH_SHA256, signature).toString("base64");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`,
    spkiHash: Uint8Array.from(createHash("sha256").update(spki).digest()),
  };
}
