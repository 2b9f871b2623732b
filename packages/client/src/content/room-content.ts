import { LIMITS, ProtocolError } from "@parley/protocol";
import { MAX_VOUCH_BYTES } from "@parley/trust";
import { decode as decodeCbor, encode as encodeCbor } from "cborg";
import type { TreeHead } from "../log/log-watch.ts";
import type { MimiContent } from "./mimi-content.ts";
import { DISPOSITION, decodeMimiContent, encodeMimiContent } from "./mimi-content.ts";
import { pad, unpad } from "./padding.ts";

/**
 * What members say to each other inside MLS (docs/protocol.md §6): text for people, and the room's own state, which
 * is encrypted like any message so that the relay learns neither names nor topics.
 */
export type RoomContent =
  | { readonly kind: "text"; readonly text: string }
  /** All of the room's state, for those who just joined. `key` encrypts the room's GroupInfo at the relay. */
  | { readonly kind: "state"; readonly name: string; readonly topic: string; readonly key: Uint8Array }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "topic"; readonly topic: string }
  /** The sender took the invitation up. */
  | { readonly kind: "joined" }
  /** The sender's view of the server's log differs from somebody's: its signed checkpoint, and proof if it has any. */
  | { readonly kind: "log-alarm"; readonly note: Uint8Array; readonly evidence?: Uint8Array | undefined }
  /** A message of a comparison of emoji between two people (trust.md §A1); only in a direct room. */
  | { readonly kind: "comparison"; readonly comparison: Uint8Array; readonly message: Uint8Array }
  /** What the sender vouches for, or no longer (trust.md §C). */
  | { readonly kind: "vouch"; readonly statement: Uint8Array }
  /** Valid, but nothing this version knows: shown as such. */
  | { readonly kind: "unknown"; readonly contentType: string };

/** Where the sender's copy of the room log ended: what makes a withheld or reordered entry noticeable (§5.2). */
export interface LogHead {
  readonly seq: number;
  readonly hash: Uint8Array;
}

const TEXT_TYPE = "text/markdown;variant=GFM-MIMI";
const PLAIN_TYPE = "text/plain;charset=utf-8";
const STATE_TYPE = "application/vnd.parley.room+cbor";
/** Private key in the MIMI extensions map: [seq, head]. */
const HEAD_EXTENSION = "parley.head";
/** Private key in the MIMI extensions map: [SHA-256 of the log's origin, size, root] (docs/protocol.md §8.3). */
const TREE_EXTENSION = "parley.tree";
const MAX_EVIDENCE_BYTES = 48 * 1024;
const ROOM_KEY_BYTES = 32;
const COMPARISON_ID_BYTES = 16;
/** More than any message of a comparison has. */
const MAX_COMPARISON_BYTES = 512;
const HEAD_BYTES = 32;

/** Longest room name and topic, in bytes of UTF-8. */
export const ROOM_TEXT_LIMITS = { nameBytes: 128, topicBytes: 1024 } as const;

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @returns padded MLS plaintext. `salt`: 16 random bytes, the same when the same message is encrypted again. */
export function encodeRoomContent(
  content: RoomContent,
  { salt, head, tree }: { salt: Uint8Array; head: LogHead; tree?: TreeHead | undefined },
): Uint8Array {
  const isText = content.kind === "text";
  const mimi: MimiContent = {
    salt,
    replaces: null,
    topicId: new Uint8Array(0),
    expires: null,
    inReplyTo: null,
    extensions: new Map<string, unknown>([
      [HEAD_EXTENSION, [head.seq, head.hash]],
      ...(tree ? [[TREE_EXTENSION, [tree.originHash, tree.size, tree.root]] as const] : []),
    ]),
    part: {
      disposition: isText ? DISPOSITION.render : DISPOSITION.unspecified,
      language: "",
      body: {
        kind: "single",
        contentType: isText ? TEXT_TYPE : STATE_TYPE,
        content: isText
          ? utf8Encoder.encode(content.text)
          : encodeCbor(content, { ignoreUndefinedProperties: true }),
      },
    },
  };
  return pad(encodeMimiContent(mimi));
}

/** Reads MLS plaintext; throws ProtocolError `malformed` or `too-large`. */
export function decodeRoomContent(plaintext: Uint8Array): {
  content: RoomContent;
  head: LogHead | undefined;
  tree: TreeHead | undefined;
} {
  const mimi = decodeMimiContent(unpad(plaintext));
  return {
    content: contentOf(mimi),
    head: headOf(mimi.extensions.get(HEAD_EXTENSION)),
    tree: treeOf(mimi.extensions.get(TREE_EXTENSION)),
  };
}

function contentOf({ part }: MimiContent): RoomContent {
  if (part.body.kind !== "single") return { kind: "unknown", contentType: part.body.kind };
  const { contentType, content } = part.body;
  if (contentType === STATE_TYPE) return roomState(content);
  if (contentType !== TEXT_TYPE && contentType !== PLAIN_TYPE) return { kind: "unknown", contentType };
  if (content.length > LIMITS.messageTextBytes) throw new ProtocolError("too-large", "text");
  return { kind: "text", text: utf8(content) };
}

function roomState(bytes: Uint8Array): RoomContent {
  let value: unknown;
  try {
    value = decodeCbor(bytes, { strict: true, allowIndefinite: false, rejectDuplicateMapKeys: true });
  } catch {
    throw new ProtocolError("malformed", "room state");
  }
  const fields = (value ?? {}) as Record<string, unknown>;
  const { kind, name, topic, key, note, evidence } = fields;
  switch (kind) {
    case "state":
      if (!(key instanceof Uint8Array) || key.length !== ROOM_KEY_BYTES)
        throw new ProtocolError("malformed", "room key");
      return { kind, name: bounded(name, "nameBytes"), topic: bounded(topic, "topicBytes"), key };
    case "name":
      return { kind, name: bounded(name, "nameBytes") };
    case "topic":
      return { kind, topic: bounded(topic, "topicBytes") };
    case "joined":
      return { kind };
    case "log-alarm":
      return {
        kind,
        note: document(note, LIMITS.checkpointBytes),
        ...(evidence !== undefined && { evidence: document(evidence, MAX_EVIDENCE_BYTES) }),
      };
    case "comparison": {
      const comparison = document(fields["comparison"], COMPARISON_ID_BYTES);
      if (comparison.length !== COMPARISON_ID_BYTES) throw new ProtocolError("malformed", "comparison");
      return { kind, comparison, message: document(fields["message"], MAX_COMPARISON_BYTES) };
    }
    case "vouch":
      return { kind, statement: document(fields["statement"], MAX_VOUCH_BYTES) };
    default:
      return { kind: "unknown", contentType: STATE_TYPE };
  }
}

function bounded(value: unknown, limit: keyof typeof ROOM_TEXT_LIMITS): string {
  if (typeof value !== "string") throw new ProtocolError("malformed", "room state");
  if (utf8Encoder.encode(value).length > ROOM_TEXT_LIMITS[limit])
    throw new ProtocolError("too-large", "room state");
  return value;
}

function document(value: unknown, maxBytes: number): Uint8Array {
  if (value instanceof Uint8Array && value.length <= maxBytes) return value;
  throw new ProtocolError("malformed", "document in a message");
}

function treeOf(value: unknown): TreeHead | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined;
  const [originHash, size, root] = value;
  const isHash = (hash: unknown) => hash instanceof Uint8Array && hash.length === HEAD_BYTES;
  if (!isHash(originHash) || !isHash(root) || !Number.isSafeInteger(size) || size < 0) {
    throw new ProtocolError("malformed", "tree head");
  }
  return { originHash, size, root };
}

function headOf(value: unknown): LogHead | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [seq, hash] = value;
  if (!Number.isSafeInteger(seq) || seq < 0 || !(hash instanceof Uint8Array) || hash.length !== HEAD_BYTES) {
    throw new ProtocolError("malformed", "log head");
  }
  return { seq, hash };
}

function utf8(bytes: Uint8Array): string {
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    throw new ProtocolError("malformed", "UTF-8");
  }
}
