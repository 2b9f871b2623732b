import type { Capabilities, ClientConfig, Extension, Lifetime } from "ts-mls";
import type { AuthenticationService } from "ts-mls/authenticationService.js";
import type { Suite } from "./engine-types.ts";
import { MlsError } from "./errors.ts";
import { suiteName } from "./suites.ts";

/** The GroupContext extension that carries a room's policy, of the private range (RFC 9420 §17.3). */
export const POLICY_EXTENSION_TYPE = 0xff01;
/** draft-ietf-mls-extensions §3.4. */
const LAST_RESORT_EXTENSION_TYPE = 0x000a;

/** More joiners at once cost every later joiner seconds: unmerged leaves are the tree's worst case. */
export const MAX_ADDS_PER_COMMIT = 100;
/** How long a new key package is good for when nothing else is asked. */
export const KEY_PACKAGE_LIFETIME_DAYS = 90;
/** Longest lifetime a key package may claim (RFC 9420 §7.2 leaves the limit to the application). */
export const MAX_LIFETIME_DAYS = 400;
/** Former epochs whose late messages can still be read. */
export const RETAINED_EPOCHS = 4;
/** Messages of one sender that may be missing before a message. Each costs one hash. */
const MAX_SKIPPED_MESSAGES = 4_000;

const DAY_SECONDS = 86_400n;
const CLOCK_SKEW_SECONDS = 3_600n;

/** One suite, one credential type, one extension: a shorter list makes trees smaller and joins faster. */
export function capabilities(suite: Suite, lastResort: boolean): Capabilities {
  return {
    versions: ["mls10"],
    ciphersuites: [suiteName(suite)],
    extensions: lastResort ? [POLICY_EXTENSION_TYPE, LAST_RESORT_EXTENSION_TYPE] : [POLICY_EXTENSION_TYPE],
    proposals: [],
    credentials: ["basic"],
  };
}

export function keyPackageExtensions(lastResort: boolean): Extension[] {
  return lastResort ? [{ extensionType: LAST_RESORT_EXTENSION_TYPE, extensionData: new Uint8Array(0) }] : [];
}

export function isLastResort(extensions: readonly Extension[]): boolean {
  return extensions.some((extension) => extension.extensionType === LAST_RESORT_EXTENSION_TYPE);
}

export function defaultLifetimeFrom(nowMs: number): Lifetime {
  const now = BigInt(Math.floor(nowMs / 1000));
  return {
    notBefore: now - CLOCK_SKEW_SECONDS,
    notAfter: now + BigInt(KEY_PACKAGE_LIFETIME_DAYS) * DAY_SECONDS,
  };
}

/** @throws MlsError `invalid` when it runs backwards or too long */
export function checkLifetimeLength(lifetime: Lifetime): void {
  const seconds = lifetime.notAfter - lifetime.notBefore;
  if (seconds < 0n || seconds > BigInt(MAX_LIFETIME_DAYS) * DAY_SECONDS)
    throw new MlsError("invalid", "the key package claims a lifetime we don't accept");
}

export function isCurrent(lifetime: Lifetime, nowMs: number): boolean {
  const now = BigInt(Math.floor(nowMs / 1000));
  return lifetime.notBefore <= now && now <= lifetime.notAfter;
}

export function policyExtensions(policy: Uint8Array | undefined): Extension[] {
  return policy === undefined ? [] : [{ extensionType: POLICY_EXTENSION_TYPE, extensionData: policy }];
}

/**
 * The policy among a group context's extensions.
 * @throws MlsError `unsupported` when anything else is there
 */
export function policyOf(extensions: readonly Extension[]): Uint8Array | undefined {
  const [first, ...others] = extensions;
  if (first === undefined) return undefined;
  if (first.extensionType !== POLICY_EXTENSION_TYPE || others.length > 0)
    throw new MlsError("unsupported", "the group context carries extensions outside our profile");
  return first.extensionData;
}

/**
 * ts-mls's settings, complete, so that none of its defaults applies.
 * - no keys are kept for skipped messages: it would keep the ratchet secret itself, and with it all later keys
 * - no padding: the content layer pads to its own buckets, and a commit's size is plain from its effect anyway
 */
export function clientConfig(
  authService: AuthenticationService,
  isSameClient: (signatureKey: Uint8Array, leafKey: Uint8Array) => boolean = equalBytes,
): ClientConfig {
  return {
    authService,
    keyRetentionConfig: {
      retainKeysForGenerations: 0,
      retainKeysForEpochs: RETAINED_EPOCHS,
      maximumForwardRatchetSteps: MAX_SKIPPED_MESSAGES,
    },
    lifetimeConfig: {
      maximumTotalLifetime: BigInt(MAX_LIFETIME_DAYS) * DAY_SECONDS,
      validateLifetimeOnReceive: false,
    },
    keyPackageEqualityConfig: {
      compareKeyPackages: (a, b) => equalBytes(a.leafNode.signaturePublicKey, b.leafNode.signaturePublicKey),
      compareKeyPackageToLeafNode: (keyPackage, leaf) =>
        isSameClient(keyPackage.leafNode.signaturePublicKey, leaf.signaturePublicKey),
    },
    paddingConfig: { kind: "alwaysPad", paddingLength: 0 },
  };
}

/** For states at rest: whatever reaches it by mistake is refused. */
export const AT_REST: ClientConfig = clientConfig({ validateCredential: async () => false });

/** For public values only: time depends on content. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
