/** Everything this folder can throw. `malformed-*` is about the bytes, the rest about what they claim. */
export type TlogErrorCode =
  | "malformed-key"
  | "malformed-note"
  | "malformed-checkpoint"
  | "malformed-proof"
  | "malformed-tile"
  | "malformed-request"
  | "malformed-response"
  | "malformed-policy"
  | "malformed-evidence"
  | "unsupported-key"
  | "ambiguous-key"
  | "bad-signature"
  | "not-signed"
  | "unknown-log"
  | "out-of-range"
  | "proof-mismatch"
  | "missing-tile"
  | "quorum-not-met"
  | "weak-quorum"
  | "not-a-fork";

/** What an error is about, where that can be said without quoting remote text. */
export interface TlogErrorFields {
  /** Name of the key concerned. Remote text unless it comes from your own configuration. */
  readonly keyName?: string;
  /** Line of a policy file, from 1. */
  readonly line?: number;
  /** Path of a tile, as in `tile/0/x001/234.p/7`. */
  readonly path?: string;
}

/** The only error class thrown on purpose here. Messages are fixed English and never hold key material. */
export class TlogError extends Error {
  override readonly name = "TlogError";
  readonly code: TlogErrorCode;
  readonly fields: TlogErrorFields;

  constructor(code: TlogErrorCode, message: string, fields: TlogErrorFields = {}) {
    super(message);
    this.code = code;
    this.fields = fields;
  }

  /** True when the same call may succeed later with unchanged arguments: only a tile not served yet. */
  get retryable(): boolean {
    return this.code === "missing-tile";
  }
}
