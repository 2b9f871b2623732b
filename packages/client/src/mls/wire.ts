import type { KeyPackage, MLSMessage, RatchetTree, Welcome } from "ts-mls";
import { decodeMlsMessage, encodeMlsMessage } from "ts-mls";
import type { Decoder } from "ts-mls/codec/tlsDecoder.js";
import type { GroupInfo } from "ts-mls/groupInfo.js";
import { decodeRatchetTree, encodeRatchetTree } from "ts-mls/ratchetTree.js";
import { MlsError } from "./errors.ts";
import { equalBytes } from "./profile.ts";

/** Decodes all of `bytes`. The library answers trouble by `undefined` or any kind of exception. */
function decodeAll<Value>(decode: Decoder<Value>, bytes: Uint8Array, what: string): Value {
  let decoded: [Value, number] | undefined;
  try {
    decoded = decode(bytes, 0);
  } catch (cause) {
    throw new MlsError("malformed", `not ${what}`, { cause });
  }
  if (decoded === undefined || decoded[1] !== bytes.length) throw new MlsError("malformed", `not ${what}`);
  return decoded[0];
}

/**
 * Decodes an MLSMessage (RFC 9420 §6) in its one encoding: a second encoding of the same content would let the
 * relay make new messages out of old ones.
 * @throws MlsError `malformed`
 */
export function decodeMessage(bytes: Uint8Array): MLSMessage {
  // Decoded values are views: a copy keeps them apart from the caller's buffer.
  const message = decodeAll(decodeMlsMessage, Uint8Array.from(bytes), "an MLS message");
  if (!equalBytes(encode(message), bytes)) throw new MlsError("malformed", "not the canonical encoding");
  return message;
}

function encode(message: MLSMessage): Uint8Array {
  try {
    return encodeMlsMessage(message);
  } catch (cause) {
    throw new MlsError("malformed", "not an MLS message", { cause });
  }
}

export function encodeMessage(message: MLSMessage): Uint8Array {
  return encodeMlsMessage(message);
}

export function decodeWelcome(bytes: Uint8Array): Welcome {
  const message = decodeMessage(bytes);
  if (message.wireformat !== "mls_welcome") throw new MlsError("malformed", "not a Welcome");
  return message.welcome;
}

export function encodeWelcome(welcome: Welcome): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_welcome", welcome });
}

export function decodeKeyPackageMessage(bytes: Uint8Array): KeyPackage {
  const message = decodeMessage(bytes);
  if (message.wireformat !== "mls_key_package") throw new MlsError("malformed", "not a key package");
  return message.keyPackage;
}

export function encodeKeyPackageMessage(keyPackage: KeyPackage): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_key_package", keyPackage });
}

export function decodeGroupInfoMessage(bytes: Uint8Array): GroupInfo {
  const message = decodeMessage(bytes);
  if (message.wireformat !== "mls_group_info") throw new MlsError("malformed", "not a GroupInfo");
  return message.groupInfo;
}

export function encodeGroupInfoMessage(groupInfo: GroupInfo): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_group_info", groupInfo });
}

/**
 * RFC 9420 §12.4.3.3, in its one encoding. The content is checked against the tree hash wherever it is used.
 * @throws MlsError `malformed`
 */
export function decodeTree(bytes: Uint8Array): RatchetTree {
  const tree = decodeAll(decodeRatchetTree, Uint8Array.from(bytes), "a ratchet tree");
  if (!equalBytes(encodeRatchetTree(tree), bytes))
    throw new MlsError("malformed", "not the canonical encoding");
  return tree;
}

export function encodeTree(tree: RatchetTree): Uint8Array {
  return encodeRatchetTree(tree);
}
