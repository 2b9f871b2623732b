/** What of the client runs only in Node: TLS channels that show their key, and the local socket beside the store. */

export { readRecoveryWordsFile, sealedRecoveryWords } from "./node/account-folder.ts";
export type { PasswordChange, UnlockedStore } from "./node/account-store.ts";
export { changePassword, isSealed, openStore, unlockStore } from "./node/account-store.ts";
export type { LocalAttachment } from "./node/local-socket/attachment.ts";
export type { LocalSocketErrorCode } from "./node/local-socket/errors.ts";
export { LOCAL_SOCKET_ERROR_CODES, LocalSocketError } from "./node/local-socket/errors.ts";
export type { Json } from "./node/local-socket/json-lines.ts";
export type { OpenOptions } from "./node/local-socket/open-or-attach.ts";
export { openOrAttach } from "./node/local-socket/open-or-attach.ts";
export type { LocalHandler, LocalOwner } from "./node/local-socket/owner.ts";
export type { OpenChatOptions, SignUp } from "./node/open-chat.ts";
export { hasAccount, openChat, signUp } from "./node/open-chat.ts";
export type { ServerReplacement } from "./node/replace-server.ts";
export { replaceServer } from "./node/replace-server.ts";
export { SqliteStore } from "./node/sqlite-store.ts";
export { MIN_PASSWORD_LENGTH, passwordFrom } from "./node/store-key.ts";
export { tlsTransport } from "./node/tls-transport.ts";
