import type { Infer } from "./codec.ts";
import { decode, encode, list, oneOf, opaque, struct, u8, u53 } from "./codec.ts";
import { ProtocolError } from "./errors.ts";
import { clientId, deviceAddress, roomId } from "./identifiers.ts";
import { LIMITS } from "./limits.ts";

/** What an entry carries: an MLS application message, proposal or commit (RFC 9420 §6). */
export const ENTRY_KINDS = ["application", "proposal", "commit"] as const;
/** One of {@link ENTRY_KINDS}. */
export type EntryKind = (typeof ENTRY_KINDS)[number];

const VERSION = 1;

const versionOne = {
  write: u8.write,
  read(reader: Parameters<typeof u8.read>[0]): number {
    const version = u8.read(reader);
    if (version !== VERSION) throw new ProtocolError("malformed", "entry version");
    return version;
  },
};

const layout = struct({
  version: versionOne,
  room: roomId,
  seq: u53,
  kind: oneOf(ENTRY_KINDS),
  epoch: u53,
  sender: deviceAddress,
  clientId,
  receivedAtMs: u53,
  replaces: u53,
  added: list(deviceAddress, LIMITS.addsPerCommit),
  removed: list(deviceAddress, LIMITS.roomDevices),
  message: opaque(LIMITS.commitBytes),
});

/**
 * One entry of a room's log, as the relay stores, hashes and delivers it (docs/protocol.md §5.1). `seq` counts from 1
 * without gaps. `epoch` is the MLS epoch the message was made in. `replaces` is 0, or the seq of the commit of the same
 * epoch that this one stands in for. `added` and `removed` are what the committer told the relay of its roster; every
 * member compares them with the commit.
 */
export type RoomLogEntry = Omit<Infer<typeof layout>, "version">;

/** @returns the canonical bytes that are stored, hashed and delivered. */
export function encodeRoomLogEntry(entry: RoomLogEntry): Uint8Array {
  return encode(layout, { ...entry, version: VERSION });
}

/** Reads an entry; throws {@link ProtocolError} `malformed` or `too-large`. */
export function decodeRoomLogEntry(bytes: Uint8Array): RoomLogEntry {
  const { version: _, ...entry } = decode(layout, bytes);
  return entry;
}

/** The head of an empty room log: 32 zero bytes. The head after entry n is SHA-256(head(n-1) ‖ entry n). */
export const EMPTY_LOG_HEAD: Uint8Array = new Uint8Array(32);
