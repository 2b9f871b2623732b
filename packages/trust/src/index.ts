/**
 * Who is who: server identity, account key chains, invites, first contact. Pure: storage, network and clock are handed
 * in. The transparency log (C2SP notes, checkpoints, tiles, witnesses) is `@parley/trust/tlog`. The design is
 * docs/trust.md.
 *
 * Everything remote is verified by a function that either returns what was proven or throws a {@link TrustError};
 * outcomes that are part of normal life (a revoked device, a server without evidence) are values.
 */

// Chains of keys.
export type { AccountChainContext, AuthoritySigner, NewAccount } from "./account-chain.ts";
export {
  appendAccountEntry,
  certifierAuthority,
  createAccount,
  deviceAuthority,
  handleCommitment,
  hasName,
  makeAccountClose,
  makeAccountRecover,
  makeAccountRotate,
  makeAccountVeto,
  makeAttest,
  makeAttestRevoke,
  makeDeviceAdd,
  makeDeviceRevoke,
  makeHandleRelease,
  makeHandleSet,
  NAME_OPENING_BYTES,
  recoveryAuthority,
  rootAuthority,
  verifyAccountChain,
} from "./account-chain.ts";
export type { AccountDevice, AccountState, Attestation, PendingRecovery } from "./account-state.ts";
export { liveDevices, RECOVERY_DELAY_MS, settleAccount } from "./account-state.ts";
export type {
  Authority,
  ChainEntry,
  EntryBodies,
  EntryOf,
  EntryType,
  RevocationReason,
} from "./chain-entry.ts";
export {
  chainEntryHash,
  chainEntryLeafHash,
  decodeChainEntry,
  encodeChainEntry,
  HASH_BYTES,
  MAX_DEVICE_LABEL_BYTES,
  REVOCATION_REASONS,
} from "./chain-entry.ts";
export type { ChainPin } from "./chain-link.ts";
export { CLOCK_SKEW_MS, relationToPin } from "./chain-link.ts";
// Between people.
export { CODE_DIGITS, isSafetyNumber, isServerCode, parseCode, safetyNumber, serverCode } from "./digits.ts";
export type { TrustErrorCode, TrustErrorData } from "./errors.ts";
export { TRUST_ERROR_CODES, TrustError } from "./errors.ts";
// First and later contact with a server.
export type { Evidence, EvidenceKind, FirstContactPolicy } from "./evidence.ts";
export { EVIDENCE_KINDS, friendsPolicy, strictPolicy } from "./evidence.ts";
export type { CertificateKind, EvidenceLine } from "./first-contact.ts";
export {
  accountRecoveredText,
  cannotTellText,
  changedText,
  firstTimeText,
  forkedText,
  newDeviceText,
  relayedText,
  rememberedText,
} from "./first-contact.ts";
export type { HostAddress } from "./host-address.ts";
export { DEFAULT_PORT, formatHostAddress, isHost } from "./host-address.ts";
export type { Invite } from "./invite-link.ts";
export {
  formatInviteLink,
  formatInviteUri,
  MAX_INVITE_LINK_CHARACTERS,
  parseInviteLink,
} from "./invite-link.ts";
export type { JoinProof } from "./join-proof.ts";
export { inviteSecretHash, inviteToken, inviteTokenHash, joinMac, verifyJoinMac } from "./join-proof.ts";
// On the wire.
export type { LeafClaim, LeafVerdict } from "./leaf-credential.ts";
export { createLeafCredential, readLeafCredential, verifyLeafCredential } from "./leaf-credential.ts";
export type { LoginBinding } from "./login.ts";
export { loginMessage, registrationMessage, TLS_EXPORTER_BYTES } from "./login.ts";
export type { NameWarning } from "./look-alike.ts";
export {
  cleanDisplayName,
  MAX_DISPLAY_NAME_CHARACTERS,
  mixesScripts,
  nameSkeleton,
  nameWarnings,
} from "./look-alike.ts";
// Keys and secrets.
export { RECOVERY_WORDS, recoveryWordsOf, seedFromRecoveryWords } from "./recovery-words.ts";
export { equalInConstantTime, Secret } from "./secret.ts";
export type {
  RecoverableServerKeys,
  ServerChainPin,
  ServerIdentity,
  ServerKeys,
  ServerMeta,
} from "./server-chain.ts";
export {
  compareWithPin,
  createServerIdentity,
  recoverServerIdentity,
  rotateServerIdentity,
  updateServerMeta,
  verifyServerChain,
} from "./server-chain.ts";
export type {
  ChangeReason,
  NotMetReason,
  ServerContact,
  ServerPin,
  ServerVerdict,
} from "./server-contact.ts";
export { EXIT, evaluateServer, exitCodeOf } from "./server-contact.ts";
export type { Signer } from "./signature.ts";
export {
  generateSigner,
  isUsablePublicKey,
  KEY_BYTES,
  SIGNATURE_BYTES,
  signerFromSeed,
  verifySignature,
} from "./signature.ts";
export type { SessionCertificate, Statement } from "./statement.ts";
export { certifySessionKey, SESSION_KEY_LIFETIME_MS, signStatement, verifyStatement } from "./statement.ts";
