import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

/**
 * What the original's cipher.py and dhke.py do, faults included, in the words of classic-v1 §1 and §2. Independent of
 * this package's own code, so that each can be tried against the other.
 */

const BLOCK = 16;
const LEN_PRIME = 1024;
const LEN_GEN = 16;
const LEN_PK = 1024;

/** The error with the name that Python would have given it. */
class PythonError extends Error {
  override readonly name: "InvalidDH" | "InvalidMessage" | "UnicodeDecodeError" | "ValueError";

  constructor(name: PythonError["name"], message: string) {
    super(message);
    this.name = name;
  }
}

/** Message(key, plaintext).pack(): padded by characters, so that most non-ASCII texts cannot be encrypted. */
export function originalEncrypt(
  key: Uint8Array,
  text: string,
  iv: Uint8Array = randomBytes(BLOCK),
): Uint8Array {
  if (text === "")
    throw new PythonError("InvalidMessage", "Either plaintext or cipher-text must be declared");
  const characters = Array.from(text).length;
  const padded = Buffer.from(text + " ".repeat(BLOCK - (characters % BLOCK)));
  if (padded.length % BLOCK !== 0) {
    throw new PythonError("ValueError", "Data must be padded to 16 byte boundary in CBC mode");
  }
  const cipher = createCipheriv("aes-256-cbc", key, iv).setAutoPadding(false);
  return Buffer.concat([iv, cipher.update(padded)]);
}

/** Message(key, ciphertext).plaintext: one read is one packet, whatever is in it. */
export function originalDecrypt(key: Uint8Array, packet: Uint8Array): string {
  if (packet.length === 0) {
    throw new PythonError("InvalidMessage", "Either plaintext or cipher-text must be declared");
  }
  if (packet.length < BLOCK)
    throw new PythonError("ValueError", "Incorrect IV length (it must be 16 bytes long)");
  if (packet.length % BLOCK !== 0) {
    throw new PythonError("ValueError", "Data must be padded to 16 byte boundary in CBC mode");
  }
  const decipher = createDecipheriv("aes-256-cbc", key, packet.subarray(0, BLOCK)).setAutoPadding(false);
  const plain = decipher.update(packet).subarray(BLOCK);
  let end = plain.length;
  while (end > 0 && [0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d].includes(plain[end - 1] as number)) end--;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plain.subarray(0, end));
  } catch {
    throw new PythonError("UnicodeDecodeError", "'utf-8' codec can't decode");
  }
}

/** DH.b2i */
export function originalNumber(bytes: Uint8Array): bigint {
  if (bytes.length === 0) throw new PythonError("ValueError", "invalid literal for int() with base 16: b''");
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

/** DH.package */
export function originalPackage(value: bigint, length: number): Uint8Array {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  if (bytes.length > length) throw new PythonError("InvalidDH", `Length Exceeds Maximum of ${length}`);
  return Buffer.concat([Buffer.alloc(length - bytes.length), bytes]);
}

/** bytes(DH(p, g, pk)) */
export function originalHello(p: bigint, g: bigint, publicKey: bigint): Uint8Array {
  return Buffer.concat([
    originalPackage(p, LEN_PRIME),
    originalPackage(g, LEN_GEN),
    originalPackage(publicKey, LEN_PK),
  ]);
}

/** DH.unpack: p and g from the front, the public key from the last 1024 bytes of whatever came. */
export function originalUnpack(message: Uint8Array): { p: bigint; g: bigint; publicKey: bigint } {
  return {
    p: originalNumber(message.subarray(0, LEN_PRIME)),
    g: originalNumber(message.subarray(LEN_PRIME, LEN_PRIME + LEN_GEN)),
    publicKey: originalNumber(message.subarray(-LEN_PK)),
  };
}

/** Python's pow(base, exponent, modulus). */
export function originalPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n % modulus;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === "1") result = (result * base) % modulus;
  }
  return result;
}

/** DH.get_shared_key */
export function originalSharedKey(publicKey: bigint, privateKey: bigint, p: bigint): Uint8Array {
  const hex = originalPow(publicKey, privateKey, p).toString(16);
  return createHash("sha256")
    .update(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex"))
    .digest();
}

/** A private key. The original takes 16384 bits; 256 interoperate and leave tests quick. */
export function originalPrivateKey(): bigint {
  return originalNumber(randomBytes(32));
}
