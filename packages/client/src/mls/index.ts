/**
 * The MLS engine (RFC 9420) behind the client, and the one door to ts-mls. {@link createMlsEngine} makes it from
 * a crypto provider (`./node.ts` in Node), an authentication service and a clock.
 */

export { createMlsEngine } from "./engine.ts";
export type {
  AuthenticationService,
  AuthorizeCommit,
  CommitChanges,
  CommitDraft,
  CommitRequest,
  GeneratedKeyPackage,
  Group,
  GroupRequest,
  IdentityFor,
  Incoming,
  JoinRequest,
  KeyPackageInfo,
  KeyPackageRequest,
  LeafClaim,
  LeafSituation,
  Member,
  MessageHeader,
  MlsEngine,
  PendingProposal,
  ProposalContent,
  RejoinDraft,
  RejoinRequest,
  StateChange,
  Step,
  StoredRecords,
  Suite,
} from "./engine-types.ts";
export type { MlsErrorCode, MlsErrorDetails } from "./errors.ts";
export { MlsError } from "./errors.ts";
export { peekMessage, peekWelcome } from "./introspection.ts";
export {
  KEY_PACKAGE_LIFETIME_DAYS,
  MAX_ADDS_PER_COMMIT,
  MAX_LIFETIME_DAYS,
  POLICY_EXTENSION_TYPE,
} from "./profile.ts";
export { applyChanges } from "./records.ts";
export type { MlsCrypto } from "./suites.ts";
