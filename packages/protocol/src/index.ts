/**
 * What travels between a Parley client and a relay: frames, their codec, identifiers, limits, error codes.
 * Pure: no I/O, no clock, no keys. The prose is docs/protocol.md.
 */
export { ByteReader, ByteWriter } from "./bytes.ts";
export type { Codec, Infer } from "./codec.ts";
export {
  decode,
  encode,
  fixed,
  flag,
  list,
  oneOf,
  opaque,
  optional,
  struct,
  text,
  u8,
  u16,
  u32,
  u53,
  variant,
} from "./codec.ts";
export type { ErrorCode, ErrorData } from "./errors.ts";
export { ERROR_CODES, ProtocolError } from "./errors.ts";
export type { Answer, ClientFrame, Hello, Request, RequestKind, ServerFrame } from "./frames.ts";
export { answer, clientFrame, hello, request, SUBPROTOCOL, serverFrame } from "./frames.ts";
export type { DeviceAddress } from "./identifiers.ts";
export {
  accountId,
  bytesEqual,
  clientId,
  deviceAddress,
  deviceText,
  idText,
  inviteId,
  roomId,
} from "./identifiers.ts";
export { isName, LIMITS } from "./limits.ts";
export type { EntryKind, RoomLogEntry } from "./room-log.ts";
export { decodeRoomLogEntry, EMPTY_LOG_HEAD, ENTRY_KINDS, encodeRoomLogEntry } from "./room-log.ts";
