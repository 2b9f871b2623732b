/** What of the client runs only in Node: TLS channels that show their key, and the local socket beside the store. */

export { readRecoveryWordsFile } from "./node/account-folder.ts";
export type { LocalAttachment } from "./node/local-socket/attachment.ts";
export type { LocalSocketErrorCode } from "./node/local-socket/errors.ts";
export { LOCAL_SOCKET_ERROR_CODES, LocalSocketError } from "./node/local-socket/errors.ts";
export type { Json } from "./node/local-socket/json-lines.ts";
export type { OpenOptions } from "./node/local-socket/open-or-attach.ts";
export { openOrAttach } from "./node/local-socket/open-or-attach.ts";
export type { LocalHandler, LocalOwner } from "./node/local-socket/owner.ts";
export type { OpenChatOptions, SignUp } from "./node/open-chat.ts";
export { hasAccount, openChat, openStore, signUp } from "./node/open-chat.ts";
export { SqliteStore } from "./node/sqlite-store.ts";
export { tlsTransport } from "./node/tls-transport.ts";
