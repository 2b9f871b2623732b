/** Why a backup was not made, or not put back. */
export type BackupErrorCode =
  /** The folder to write into is not empty. */
  | "not-empty"
  /** There is no backup in the folder, or it was made by a newer release. */
  | "not-a-backup"
  /** A file of the backup is missing, or is not what the manifest says. */
  | "damaged"
  /** The file is no export of this relay's log. */
  | "other-log"
  /** The log has gone on since the backup was put back, otherwise than in the export. */
  | "log-went-on";

/** Meant for the operator; `message` is one sentence without a full stop. */
export class BackupError extends Error {
  override readonly name = "BackupError";
  readonly code: BackupErrorCode;

  constructor(code: BackupErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
