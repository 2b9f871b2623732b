/**
 * The relay: it orders, keeps and delivers what it cannot read, as it cannot import the code that could.
 */
export type { AdminErrorCode } from "./admin/admin-error.ts";
export { AdminError } from "./admin/admin-error.ts";
export { copyData, finishBackup, stoppedSource } from "./admin/backup.ts";
export type { BackupErrorCode } from "./admin/backup-error.ts";
export { BackupError } from "./admin/backup-error.ts";
export type { BackupManifest } from "./admin/backup-manifest.ts";
export type { LogRepair } from "./admin/log-repair.ts";
export { repairLog } from "./admin/log-repair.ts";
export type {
  AdminDevice,
  AdminInvite,
  AdminSession,
  AdminStorage,
  AdminUser,
  AdminUserDetail,
  RelayAdmin,
} from "./admin/relay-admin.ts";
export type { Restored } from "./admin/restore.ts";
export { acceptLogLoss, restoreBackup } from "./admin/restore.ts";
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
