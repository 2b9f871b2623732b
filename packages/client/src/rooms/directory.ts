import type { DeviceAddress } from "@parley/protocol";

/** Who is who, as far as rooms need it. Backed by the account key chains this client has verified. */
export interface Directory {
  /** The device that a leaf's credential names. Does not prove it. Throws ProtocolError `malformed`. */
  addressOf(identity: Uint8Array): DeviceAddress;
  /**
   * Proves that a leaf belongs to the device it names: by the account's key chain, fetched when it is not known or too
   * short. Throws `NotAuthorised` when it does not, and {@link DirectoryUnavailable} when that cannot be found out now.
   */
  requireLeaf(identity: Uint8Array, signatureKey: Uint8Array, entering: boolean): Promise<void>;
  /** The name an account has proved, or its short id while its chain is not known. Safe to print. */
  nameOf(account: Uint8Array): string;
}

/** The relay is out of reach, so that a chain cannot be fetched: nothing was decided. */
export class DirectoryUnavailable extends Error {
  override readonly name = "DirectoryUnavailable";
}
