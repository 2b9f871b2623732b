import { sha256 } from "@noble/hashes/sha2.js";
import type { DeviceAddress } from "@parley/protocol";
import { deviceAddress, encode, LIMITS, list, opaque } from "@parley/protocol";
import { TrustError } from "./errors.ts";
import { labelled } from "./signature.ts";

/** Length of the RFC 9266 tls-exporter value (label `EXPORTER-Channel-Binding`, no context). */
export const TLS_EXPORTER_BYTES = 32;

/** What binds a login to one connection. */
export interface LoginBinding {
  /** The hello exactly as it was received: its nonce makes the signature worth nothing on another connection. */
  readonly helloBytes: Uint8Array;
  /** Given where Node ends the TLS on both sides; elsewhere absent, and then 32 zeros are signed. */
  readonly tlsExporter?: Uint8Array;
  readonly device: DeviceAddress;
}

/** @returns the bytes a device signs to log in: label ‖ SHA-256(hello) ‖ exporter[32] ‖ account[32] ‖ number[4]. */
export function loginMessage(binding: LoginBinding): Uint8Array {
  return labelled("login", boundPart(binding));
}

const chainBytes = list(opaque(LIMITS.chainEntryBytes), LIMITS.chainEntries);

/**
 * @returns the bytes a first device signs to register: those of {@link loginMessage} under another label, then SHA-256 of
 *   the chain (encoded as in the register request).
 */
export function registrationMessage(
  binding: LoginBinding & { readonly chain: readonly Uint8Array[] },
): Uint8Array {
  return labelled("registration", boundPart(binding), sha256(encode(chainBytes, binding.chain)));
}

function boundPart({ helloBytes, tlsExporter, device }: LoginBinding): Uint8Array {
  const exporter = tlsExporter ?? new Uint8Array(TLS_EXPORTER_BYTES);
  if (exporter.length !== TLS_EXPORTER_BYTES) throw new TrustError("malformed", "TLS exporter");
  const address = encode(deviceAddress, device);
  const part = new Uint8Array(32 + TLS_EXPORTER_BYTES + address.length);
  part.set(sha256(helloBytes));
  part.set(exporter, 32);
  part.set(address, 32 + TLS_EXPORTER_BYTES);
  return part;
}
