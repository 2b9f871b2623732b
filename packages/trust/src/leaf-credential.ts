import type { DeviceAddress, Infer } from "@parley/protocol";
import {
  bytesEqual,
  decode,
  deviceAddress,
  encode,
  fixed,
  ProtocolError,
  struct,
  u8,
} from "@parley/protocol";
import type { AccountDevice, AccountState } from "./account-state.ts";
import { TrustError } from "./errors.ts";
import type { Signer } from "./signature.ts";
import { labelled, SIGNATURE_BYTES, verifySignature } from "./signature.ts";

const VERSION = 1;
const layout = struct({ version: u8, device: deviceAddress, signature: fixed(SIGNATURE_BYTES) });

/** What the identity bytes of an MLS `basic` credential say; believed only after {@link verifyLeafCredential}. */
export type LeafClaim = Omit<Infer<typeof layout>, "version">;

/**
 * @param signer the device's own key.
 * @param leafKey the MLS leaf's signature key, fresh for each group.
 * @returns the `identity` of an MLS `basic` credential (trust.md §0).
 */
export async function createLeafCredential(
  signer: Signer,
  device: DeviceAddress,
  leafKey: Uint8Array,
): Promise<Uint8Array> {
  const signature = await signer.sign(leafBytes(device, leafKey));
  return encode(layout, { version: VERSION, device, signature });
}

/** Reads whose leaf this claims to be, to look that account up. Throws `credential-invalid`. */
export function readLeafCredential(identity: Uint8Array): LeafClaim {
  try {
    const { version, ...claim } = decode(layout, identity.slice());
    if (version === VERSION) return claim;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  throw new TrustError("credential-invalid", "encoding");
}

/**
 * A leaf whose device key did sign it. `revoked`: the device was live once. A tree that holds such a leaf is accepted,
 * but nothing is sent until the leaf is removed; a leaf that is to be *added* is refused (trust.md §0).
 */
export type LeafVerdict =
  | { readonly status: "live"; readonly device: DeviceAddress }
  | { readonly status: "revoked"; readonly device: DeviceAddress; readonly revokedAtMs: number };

/**
 * Checks that the device named in `identity` belongs to `account` and signed for `leafKey`. Throws `credential-invalid`
 * for everything else: bad encoding, another account, no such device, wrong signature. A closed account's devices count
 * as revoked at its last entry.
 */
export async function verifyLeafCredential(
  identity: Uint8Array,
  leafKey: Uint8Array,
  account: Pick<AccountState, "accountId" | "devices" | "status" | "headTimeMs">,
): Promise<LeafVerdict> {
  const { device, signature } = readLeafCredential(identity);
  if (!bytesEqual(device.account, account.accountId))
    throw new TrustError("credential-invalid", "another account");
  const known = account.devices.find(({ number }) => number === device.device);
  if (!known) throw new TrustError("credential-invalid", "no such device");
  if (!(await verifySignature(known.publicKey, leafBytes(device, leafKey), signature))) {
    throw new TrustError("credential-invalid", "signature");
  }
  const revokedAtMs = revocationOf(known, account);
  return revokedAtMs === undefined ? { status: "live", device } : { status: "revoked", device, revokedAtMs };
}

function revocationOf(
  device: AccountDevice,
  account: Pick<AccountState, "status" | "headTimeMs">,
): number | undefined {
  return device.revokedAtMs ?? (account.status === "closed" ? account.headTimeMs : undefined);
}

function leafBytes(device: DeviceAddress, leafKey: Uint8Array): Uint8Array {
  return labelled("leaf", encode(deviceAddress, device), leafKey);
}
