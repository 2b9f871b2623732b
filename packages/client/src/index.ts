/**
 * The Parley client without a face: connection, MLS rooms, outbox, sync, timeline, local store.
 * What runs only in Node is in `@parley/client/node`.
 */

export type {
  Chat,
  ChatErrorCode,
  ChatSnapshot,
  ClientPolicy,
  ConnectionState,
  Invitation,
  Member,
  PolicyOutcome,
  PolicyStatus,
  Role,
  RoomSummary,
  SendState,
  ServerLog,
  ServerLogStatus,
  ServerTrust,
  TimelineItem,
  TimelinePage,
  WitnessStatus,
} from "./chat/chat.ts";
export { CHAT_ERROR_CODES, ChatError } from "./chat/chat.ts";
export type { DisplayTextOptions } from "./chat/display-text.ts";
export { displayName, displayText } from "./chat/display-text.ts";
export { durationText, parseDuration } from "./chat/duration.ts";
export type { Clock } from "./connection/clock.ts";
export { systemClock } from "./connection/clock.ts";
export type { AnswerTo, ConnectionErrorCode, Delivery, RelayConnection } from "./connection/connection.ts";
export { CONNECTION_ERROR_CODES, ConnectionError } from "./connection/connection.ts";
export type {
  EnrolledAccount,
  Enrolment,
  EnrolmentOptions,
  EnrolmentRoad,
  EnrolOptions,
  FreshAccount,
} from "./connection/enrolment.ts";
export { enrol, resumeEnrolment } from "./connection/enrolment.ts";
export type { DeviceSigner, Registration } from "./connection/login.ts";
export { deviceLogin, registration } from "./connection/login.ts";
export type {
  ConnectOptions,
  LoginContext,
  LoginRequest,
  ProvenConnection,
  ServerFacts,
  ServerTrustCheck,
} from "./connection/relay-connection.ts";
export { connectRelay } from "./connection/relay-connection.ts";
export type { RelayLink, RelayLinkOptions } from "./connection/relay-link.ts";
export { STOP_EXIT_CODES, startRelayLink } from "./connection/relay-link.ts";
export type {
  GatheredEvidence,
  Introduction,
  ServerPins,
  ServerTrustOptions,
} from "./connection/server-trust.ts";
export { createServerTrustCheck, describeServer, ServerRefusedError } from "./connection/server-trust.ts";
export type { Channel, ChannelEvents, Transport } from "./connection/transport.ts";
export { relayAddress, relayUrl } from "./connection/transport.ts";
export type {
  Comparison,
  ComparisonEmoji,
  ComparisonRoad,
  People,
  PersonTrust,
} from "./people/people.ts";
export { profilePolicy } from "./policy/client-policy.ts";
