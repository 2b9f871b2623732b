import type { DeviceAddress } from "@parley/protocol";
import type { LoginBinding, Secret, Signer } from "@parley/trust";
import { inviteToken, loginMessage, registrationMessage } from "@parley/trust";
import type { LoginContext, LoginRequest } from "./relay-connection.ts";

/** A device and the key that speaks for it. */
export interface DeviceSigner {
  readonly device: DeviceAddress;
  readonly signer: Signer;
}

/** Logs in by the device's signature over the hello and the TLS channel (docs/protocol.md §4.1). */
export function deviceLogin({ device, signer }: DeviceSigner): LoginRequest {
  return async (context) => {
    const signature = await signer.sign(loginMessage(binding(context, device)));
    return { kind: "authenticate", device, signature };
  };
}

/** What {@link registration} needs. */
export interface Registration extends DeviceSigner {
  readonly name: string;
  readonly nameOpening: Uint8Array;
  readonly chain: readonly Uint8Array[];
  readonly invite?: { readonly id: Uint8Array; readonly secret: Secret };
}

/** Registers an account with its first device (docs/protocol.md §4.2). The invite's secret itself does not travel. */
export function registration({ device, signer, invite, ...account }: Registration): LoginRequest {
  return async (context) => {
    const message = registrationMessage({ ...binding(context, device), chain: account.chain });
    return {
      kind: "register",
      ...account,
      invite: invite && { id: invite.id, secret: inviteToken(invite.secret) },
      signature: await signer.sign(message),
    };
  };
}

function binding({ helloBytes, tlsExporter }: LoginContext, device: DeviceAddress): LoginBinding {
  return { helloBytes, device, ...(tlsExporter && { tlsExporter }) };
}
