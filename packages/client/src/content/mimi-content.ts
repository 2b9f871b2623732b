import { bytesEqual, ProtocolError } from "@parley/protocol";
import { decode as decodeCbor, encode as encodeCbor, rfc8949EncodeOptions } from "cborg";

/**
 * The content of a message as draft-ietf-mimi-content-08 lays it out (§4, full CDDL in its appendix): what it answers
 * or replaces, when it expires, and a tree of parts. Deterministic CBOR (RFC 8949 §4.2).
 */
export interface MimiContent {
  /** 16 random bytes, part of the message id. */
  readonly salt: Uint8Array;
  /** The message that this one edits, deletes or re-reacts to. */
  readonly replaces: Uint8Array | null;
  readonly topicId: Uint8Array;
  readonly expires: { readonly relative: boolean; readonly timeS: number } | null;
  readonly inReplyTo: Uint8Array | null;
  /** Keys are integers or short text; unknown ones are kept. */
  readonly extensions: ReadonlyMap<number | string, unknown>;
  readonly part: NestedPart;
}

/** Draft §4.3.1: what to do with a part. Numbers above 8 are treated as `unspecified`. */
export const DISPOSITION = {
  unspecified: 0,
  render: 1,
  reaction: 2,
  profile: 3,
  inline: 4,
  icon: 5,
  attachment: 6,
  session: 7,
  preview: 8,
} as const;

/** One part and how to show it. */
export interface NestedPart {
  readonly disposition: number;
  /** RFC 5646 tag, or empty. */
  readonly language: string;
  readonly body: PartBody;
}

/** Draft §4.3.2: nothing, one body, something stored elsewhere, or several parts. */
export type PartBody =
  | { readonly kind: "null" }
  | { readonly kind: "single"; readonly contentType: string; readonly content: Uint8Array }
  | { readonly kind: "external"; readonly contentType: string; readonly fields: readonly unknown[] }
  | { readonly kind: "multi"; readonly semantics: number; readonly parts: readonly NestedPart[] };

const CARDINALITY = { null: 0, single: 1, external: 2, multi: 3 } as const;
const EXTERNAL_FIELDS = 11;
const MAX_DEPTH = 4;
const MAX_PARTS = 64;
const MESSAGE_ID_BYTES = 32;
const SALT_BYTES = 16;

const DECODE_OPTIONS = {
  strict: true,
  useMaps: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowBigInt: false,
  allowInfinity: false,
  allowNaN: false,
  rejectDuplicateMapKeys: true,
};

/** @returns the one encoding of `content`. */
export function encodeMimiContent(content: MimiContent): Uint8Array {
  const { salt, replaces, topicId, expires, inReplyTo, extensions, part } = content;
  return encodeCbor(
    [
      salt,
      replaces,
      topicId,
      expires && [expires.relative, expires.timeS],
      inReplyTo,
      new Map(extensions),
      partToArray(part),
    ],
    rfc8949EncodeOptions,
  );
}

/** Reads a message's content; throws ProtocolError `malformed`, also for any but the deterministic encoding. */
export function decodeMimiContent(bytes: Uint8Array): MimiContent {
  let value: unknown;
  try {
    value = decodeCbor(bytes, DECODE_OPTIONS);
  } catch {
    throw malformed("CBOR");
  }
  const [salt, replaces, topicId, expires, inReplyTo, extensions, part] = arrayOf(value, 7);
  if (!(extensions instanceof Map)) throw malformed("extensions");
  const content = {
    salt: byteString(salt, SALT_BYTES),
    replaces: replaces === null ? null : byteString(replaces, MESSAGE_ID_BYTES),
    topicId: byteString(topicId),
    expires: expires === null ? null : expiration(expires),
    inReplyTo: inReplyTo === null ? null : byteString(inReplyTo, MESSAGE_ID_BYTES),
    extensions,
    part: partFromArray(part, 1),
  };
  if (!bytesEqual(encodeMimiContent(content), bytes)) throw malformed("not the deterministic encoding");
  return content;
}

function partToArray({ disposition, language, body }: NestedPart): unknown[] {
  const start = [disposition, language, CARDINALITY[body.kind]];
  switch (body.kind) {
    case "null":
      return start;
    case "single":
      return [...start, body.contentType, body.content];
    case "external":
      return [...start, body.contentType, ...body.fields];
    case "multi":
      return [...start, body.semantics, body.parts.map(partToArray)];
  }
}

function partFromArray(value: unknown, depth: number): NestedPart {
  if (depth > MAX_DEPTH || !Array.isArray(value)) throw malformed("part");
  const [disposition, language, cardinality, ...rest] = value;
  return {
    disposition: unsigned(disposition),
    language: textString(language),
    body: body(cardinality, rest, depth),
  };
}

function body(cardinality: unknown, rest: readonly unknown[], depth: number): PartBody {
  switch (cardinality) {
    case CARDINALITY.null:
      arrayOf(rest, 0);
      return { kind: "null" };
    case CARDINALITY.single: {
      const [contentType, content] = arrayOf(rest, 2);
      return { kind: "single", contentType: textString(contentType), content: byteString(content) };
    }
    case CARDINALITY.external: {
      const [contentType, ...fields] = arrayOf(rest, 1 + EXTERNAL_FIELDS);
      return { kind: "external", contentType: textString(contentType), fields };
    }
    case CARDINALITY.multi: {
      const [semantics, parts] = arrayOf(rest, 2);
      if (!Array.isArray(parts) || parts.length < 2 || parts.length > MAX_PARTS) throw malformed("parts");
      return {
        kind: "multi",
        semantics: unsigned(semantics),
        parts: parts.map((part) => partFromArray(part, depth + 1)),
      };
    }
    default:
      throw malformed("cardinality");
  }
}

function expiration(value: unknown) {
  const [relative, timeS] = arrayOf(value, 2);
  if (typeof relative !== "boolean") throw malformed("expiration");
  return { relative, timeS: unsigned(timeS) };
}

function arrayOf(value: unknown, length: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw malformed("array");
  return value;
}

function byteString(value: unknown, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length))
    throw malformed("bytes");
  return value;
}

function textString(value: unknown): string {
  if (typeof value !== "string") throw malformed("text");
  return value;
}

function unsigned(value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) throw malformed("number");
  return value;
}

function malformed(what: string): ProtocolError {
  return new ProtocolError("malformed", `content: ${what}`);
}
