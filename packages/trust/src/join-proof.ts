import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { encode } from "@parley/protocol";
import type { Invite } from "./invite-link.ts";
import { logView } from "./invite-link.ts";
import type { Secret } from "./secret.ts";
import { equalInConstantTime } from "./secret.ts";
import { KEY_BYTES, LABELS, labelled } from "./signature.ts";

function derived(secret: Secret, purpose: "inviteToken" | "joinMac"): Uint8Array {
  return hkdf(sha256, secret.expose(), undefined, new TextEncoder().encode(LABELS[purpose]), KEY_BYTES);
}

/**
 * @returns the 32 bytes that the guest shows the relay in place of the secret. The relay must not learn the secret, or
 *   it could make the guest's {@link joinMac} itself.
 */
export function inviteToken(secret: Secret): Uint8Array {
  return derived(secret, "inviteToken");
}

/** @returns what the relay stores to recognise a token. */
export function inviteTokenHash(token: Uint8Array): Uint8Array {
  return sha256(token);
}

/** @returns `inviteTokenHash(inviteToken(secret))`: what the inviter gives the relay when the invite is made. */
export function inviteSecretHash(secret: Secret): Uint8Array {
  return inviteTokenHash(inviteToken(secret));
}

/** What the guest proves to the inviter's device: that the one who holds the link holds this account and device. */
export interface JoinProof {
  readonly secret: Secret;
  /** The guest's. */
  readonly account: Uint8Array;
  /** Public key of the guest's device. */
  readonly deviceKey: Uint8Array;
  readonly serverId: Uint8Array;
  /** The guest's newest view of the log, if it has one. */
  readonly checkpoint?: Invite["checkpoint"];
}

/**
 * @returns HMAC-SHA256 under HKDF(secret) over label ‖ account ‖ device key ‖ server id ‖ optional checkpoint
 *   (trust.md §A1, SecureJoin).
 */
export function joinMac({ secret, account, deviceKey, serverId, checkpoint: view }: JoinProof): Uint8Array {
  const message = labelled("joinMac", account, deviceKey, serverId, encode(logView, view));
  return hmac(sha256, derived(secret, "joinMac"), message);
}

/** Whether `mac` is the {@link joinMac}, compared in constant time. */
export function verifyJoinMac(proof: JoinProof, mac: Uint8Array): boolean {
  return equalInConstantTime(joinMac(proof), mac);
}
