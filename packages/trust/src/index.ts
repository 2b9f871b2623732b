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
// Checks between two people.
export type { CheckParty } from "./check-party.ts";
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
// What the user and others have said of somebody.
export type { LogStanding, MarkState, PersonFacts, PersonMark } from "./person-mark.ts";
export { MARK_STATES, personMark } from "./person-mark.ts";
// Policy.
export type { Decision, Explanation, Fact, FloorBreach } from "./policy/evaluation.ts";
export { decide, decisionText, explain, FLOOR_BREACHES, metPart } from "./policy/evaluation.ts";
export type { Atom, AtomName, Expression } from "./policy/expression.ts";
export { ATOM_NAMES, formatExpression } from "./policy/expression.ts";
export { MAX_RULE_CHARACTERS, parseExpression } from "./policy/expression-parser.ts";
export { firstContactPolicy } from "./policy/first-contact-policy.ts";
export {
  formatPolicyFile,
  formatRoomFloor,
  MAX_POLICY_FILE_CHARACTERS,
  parsePolicyFile,
  parseRoomFloor,
} from "./policy/policy-file.ts";
export type { LedgerPolicy, PresetName, RoomFloor, RuleName, TrustPolicy } from "./policy/trust-policy.ts";
export {
  meet,
  PRESET_NAMES,
  PRESETS,
  RULE_ATOMS,
  RULE_NAMES,
  talkRule,
  underFloor,
} from "./policy/trust-policy.ts";
// Keys and secrets.
export { RECOVERY_WORDS, recoveryWordsOf, seedFromRecoveryWords } from "./recovery-words.ts";
export { isRoomCode, roomCode } from "./room-check.ts";
export type { SasRandomness, SasSetup, SasState, SasStep } from "./sas.ts";
export { awaitSas, cancelSas, confirmSas, receiveSas, startSas } from "./sas.ts";
export type { SasEmoji } from "./sas-emoji.ts";
export { SAS_EMOJI, SAS_LENGTH } from "./sas-emoji.ts";
export type { SasReason } from "./sas-message.ts";
export { SAS_REASONS } from "./sas-message.ts";
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
export type {
  ShortCodeOffer,
  ShortCodeReason,
  ShortCodeSetup,
  ShortCodeState,
  ShortCodeStep,
} from "./short-code.ts";
export {
  cancelShortCode,
  enterShortCode,
  offerShortCode,
  receiveShortCode,
  SHORT_CODE_LIFETIME_MS,
  SHORT_CODE_REASONS,
} from "./short-code.ts";
export type { ShortCode } from "./short-code-text.ts";
export {
  formatShortCode,
  generateShortCode,
  MAX_NAMEPLATE,
  parseShortCode,
  SHORT_CODE_LENGTH,
  shortCodeWordsFrom,
} from "./short-code-text.ts";
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
export type {
  CheckMethod,
  Decided,
  DirectCheck,
  LedgerStatement,
  Standing,
  StatementLedger,
} from "./statement-ledger.ts";
export {
  appendStatements,
  CHECK_METHODS,
  DECISIONS,
  decodeLedger,
  EMPTY_LEDGER,
  encodeLedger,
  MAX_LEDGER_STATEMENTS,
  mergeLedgers,
  readStanding,
  subjectsOf,
} from "./statement-ledger.ts";
export type { TrustFile, VerifiedTrustFile } from "./trust-file.ts";
export {
  defaultQuorum,
  formatTrustFile,
  parseTrustFile,
  signTrustFile,
  verifyTrustFile,
} from "./trust-file.ts";
export type { SubjectChain, TrustSubject } from "./trust-subject.ts";
export { subjectText } from "./trust-subject.ts";
export type { Vouch, VouchIssuer, VouchMethod, VouchOutcome, VouchStatement } from "./vouch.ts";
export {
  createVouch,
  createVouchEnd,
  decodeVouch,
  encodeVouch,
  keepVouch,
  MAX_VOUCH_BYTES,
  MAX_VOUCH_LIFETIME_MS,
  MAX_VOUCHES_PER_ISSUER,
  VOUCH_METHODS,
  verifyVouch,
} from "./vouch.ts";
export type { Introduction, VouchQuestion } from "./vouch-evaluation.ts";
export {
  evaluateVouches,
  INTRODUCTION_WINDOW_MS,
  introducesMany,
  MAX_INTRODUCTIONS,
  vouchFacts,
  vouchWords,
} from "./vouch-evaluation.ts";
