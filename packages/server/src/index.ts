/**
 * The relay: it orders, keeps and delivers what it cannot read, as it cannot import the code that could.
 */
export type { Bus } from "./bus/bus.ts";
export type { Clock } from "./clock.ts";
export { NewIdentity } from "./identity/server-keys.ts";
export type { RelayLimits } from "./limits/relay-limits.ts";
export { DEFAULT_LIMITS } from "./limits/relay-limits.ts";
export type { Rate } from "./limits/token-bucket.ts";
export type { WitnessAddress } from "./log/witness-feed.ts";
export type { LogOptions } from "./log.ts";
export type { RelayOptions, TlsMode } from "./options.ts";
export type { OperatorInvite, Relay } from "./relay.ts";
export { startRelay } from "./relay.ts";
export type { RegistrationMode } from "./requests/call.ts";
export type { RelayStore } from "./store/contract.ts";
export type { StoreOpenCode } from "./store/sqlite/connection.ts";
export { StoreOpenError } from "./store/sqlite/connection.ts";
export { issueSelfSigned } from "./tls/self-signed.ts";
