import { ClassicError } from "./errors.ts";

/** The big-endian bytes of `value` without leading zero bytes; zero is one zero byte. */
export function toBytes(value: bigint): Uint8Array {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
}

/** `value` as exactly `lengthBytes` big-endian bytes. Throws `number-too-long` when it does not fit. */
export function packNumber(value: bigint, lengthBytes: number): Uint8Array {
  const bytes = toBytes(value);
  if (bytes.length > lengthBytes) {
    throw new ClassicError("number-too-long", `The number does not fit a field of ${lengthBytes} bytes.`);
  }
  const field = new Uint8Array(lengthBytes);
  field.set(bytes, lengthBytes - bytes.length);
  return field;
}

/** The number in a big-endian field of any length; an empty field is zero. */
export function unpackNumber(field: Uint8Array): bigint {
  return BigInt(`0x0${Buffer.from(field.buffer, field.byteOffset, field.length).toString("hex")}`);
}

/** base^exponent mod modulus. Not constant-time: for keys that live for one connection only. */
export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n % modulus;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
