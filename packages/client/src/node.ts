/** What of the client runs only in Node: TLS channels that show their key, and the local socket beside the store. */
export { openOrAttach } from "./node/local-socket/open-or-attach.ts";
export type { OpenOptions } from "./node/local-socket/open-or-attach.ts";
export type { LocalAttachment } from "./node/local-socket/attachment.ts";
export type { LocalHandler, LocalOwner } from "./node/local-socket/owner.ts";
export { LOCAL_SOCKET_ERROR_CODES, LocalSocketError } from "./node/local-socket/errors.ts";
export type { LocalSocketErrorCode } from "./node/local-socket/errors.ts";
export type { Json } from "./node/local-socket/json-lines.ts";
export { tlsTransport } from "./node/tls-transport.ts";
