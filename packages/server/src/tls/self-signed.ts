import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";

// ASN.1 tags in DER (X.690 §8), and the object identifiers of RFC 5280 and RFC 5758.
const TAG = {
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
};
const ECDSA_WITH_SHA256 = "06082a8648ce3d040302";
const COMMON_NAME = "0603550403";
const SUBJECT_ALTERNATIVE_NAME = "0603551d11";
const CONTEXT = { version: 0xa0, extensions: 0xa3, dnsName: 0x82, ipAddress: 0x87 };

/** @returns a fresh P-256 key (PKCS #8) and an X.509 certificate for it that it signed itself, in PEM. */
export function issueSelfSigned(options: {
  readonly commonName: string;
  /** DNS names and IP addresses, IPv6 also in brackets. */
  readonly hostNames: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}): { readonly keyPem: string; readonly certificatePem: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(Buffer.from(ECDSA_WITH_SHA256, "hex"));
  const commonName = sequence(
    Buffer.from(COMMON_NAME, "hex"),
    der(TAG.utf8, Buffer.from(options.commonName)),
  );
  const name = sequence(der(TAG.set, commonName));
  const serial = randomBytes(16);
  serial[0] = (serial.readUInt8(0) & 0x7f) | 0x40;
  // RFC 5280 §4.1.2: TBSCertificate.
  const content = sequence(
    der(CONTEXT.version, der(TAG.integer, Buffer.of(2))),
    der(TAG.integer, serial),
    algorithm,
    name,
    sequence(time(options.notBeforeMs), time(options.notAfterMs)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(CONTEXT.extensions, sequence(alternativeNames(options.hostNames))),
  );
  const signature = sign("sha256", content, privateKey);
  const certificate = sequence(content, algorithm, der(TAG.bits, Buffer.concat([Buffer.of(0), signature])));
  return {
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    certificatePem: pem("CERTIFICATE", certificate),
  };
}

function alternativeNames(hostNames: readonly string[]): Buffer {
  const names = hostNames.map((hostName) => {
    const bare = hostName.replace(/^\[(.*)\]$/, "$1");
    if (isIPv4(bare)) return der(CONTEXT.ipAddress, Buffer.from(bare.split(".").map(Number)));
    if (isIPv6(bare)) return der(CONTEXT.ipAddress, ipv6Bytes(bare));
    return der(CONTEXT.dnsName, Buffer.from(bare, "ascii"));
  });
  return sequence(Buffer.from(SUBJECT_ALTERNATIVE_NAME, "hex"), der(TAG.octets, sequence(...names)));
}

function ipv6Bytes(address: string): Buffer {
  // The URL parser writes an address in its shortest form, IPv4 tails included.
  const shortest = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = shortest.split("::", 2);
  const groupsOf = (text: string) => (text === "" ? [] : text.split(":"));
  const first = groupsOf(head);
  const last = groupsOf(tail ?? "");
  const zeros = Array<string>(8 - first.length - last.length).fill("0");
  return Buffer.from([...first, ...zeros, ...last].map((group) => group.padStart(4, "0")).join(""), "hex");
}

function time(atMs: number): Buffer {
  return der(TAG.time, Buffer.from(`${new Date(atMs).toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(TAG.sequence, Buffer.concat(parts));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  if (length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, length), content]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), content]);
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
