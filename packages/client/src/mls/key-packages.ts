import type { KeyPackage, PrivateKeyPackage } from "ts-mls";
import { generateKeyPackageWithKey } from "ts-mls";
import { makeKeyPackageRef, verifyKeyPackage } from "ts-mls/keyPackage.js";
import { verifyLeafNodeSignatureKeyPackage } from "ts-mls/leafNode.js";
import { ByteReader, ByteWriter } from "./codec.ts";
import type {
  GeneratedKeyPackage,
  IdentityFor,
  KeyPackageInfo,
  KeyPackageRequest,
  Suite,
} from "./engine-types.ts";
import { MlsError } from "./errors.ts";
import { atBorder } from "./faults.ts";
import type { Surroundings } from "./operation.ts";
import {
  capabilities,
  checkLifetimeLength,
  defaultLifetimeFrom,
  isCurrent,
  isLastResort,
  keyPackageExtensions,
} from "./profile.ts";
import type { MlsCrypto } from "./suites.ts";
import { suiteByName } from "./suites.ts";
import { decodeKeyPackageMessage, encodeKeyPackageMessage } from "./wire.ts";

const FORMAT = 1;

/** A key package with its private half. The leaf key is fresh: RFC 9750 §6.7 wants no key in two groups. */
export async function makeKeyPackage(
  surroundings: Surroundings,
  request: KeyPackageRequest,
): Promise<{ keyPackage: KeyPackage; secrets: PrivateKeyPackage }> {
  const suite = surroundings.crypto(request.suite);
  const lastResort = request.lastResort ?? false;
  const lifetime = request.lifetime ?? defaultLifetimeFrom(surroundings.nowMs());
  checkLifetimeLength(lifetime);
  const signatureKeyPair = await suite.signature.keygen();
  const identity = await identityOf(request.identityFor, signatureKeyPair.publicKey);
  const made = await atBorder("own", undefined, () =>
    generateKeyPackageWithKey(
      { credentialType: "basic", identity },
      capabilities(request.suite, lastResort),
      lifetime,
      keyPackageExtensions(lastResort),
      signatureKeyPair,
      suite,
    ),
  );
  return { keyPackage: made.publicPackage, secrets: made.privatePackage };
}

/** The caller's exception is the caller's: it passes as it is. */
async function identityOf(identityFor: IdentityFor, leafPublicKey: Uint8Array): Promise<Uint8Array> {
  return identityFor(leafPublicKey.slice());
}

export async function generateKeyPackage(
  surroundings: Surroundings,
  request: KeyPackageRequest,
): Promise<GeneratedKeyPackage> {
  const { keyPackage, secrets } = await makeKeyPackage(surroundings, request);
  return {
    keyPackage: encodeKeyPackageMessage(keyPackage),
    ref: await makeKeyPackageRef(keyPackage, surroundings.crypto(request.suite).hash),
    signatureKey: keyPackage.leafNode.signaturePublicKey,
    secret: encodeSecrets(request.suite, secrets),
  };
}

function encodeSecrets(suite: Suite, secrets: PrivateKeyPackage): Uint8Array {
  const { initPrivateKey, hpkePrivateKey, signaturePrivateKey } = secrets;
  const writer = new ByteWriter().uint8(FORMAT).uint8(suite);
  return writer.bytes(initPrivateKey).bytes(hpkePrivateKey).bytes(signaturePrivateKey).finish();
}

/** @throws MlsError `corrupt` */
export function decodeSecrets(bytes: Uint8Array, suite: Suite): PrivateKeyPackage {
  const reader = new ByteReader(bytes);
  if (reader.uint8() !== FORMAT || reader.uint8() !== suite)
    throw new MlsError("corrupt", "the secret does not belong to the key package");
  const secrets = {
    initPrivateKey: reader.bytes(),
    hpkePrivateKey: reader.bytes(),
    signaturePrivateKey: reader.bytes(),
  };
  reader.end();
  return secrets;
}

/** @throws MlsError `unsupported` */
export function keyPackageSuite(keyPackage: KeyPackage): Suite {
  const suite = suiteByName(keyPackage.cipherSuite);
  if (suite === undefined) throw new MlsError("unsupported", "a key package of a suite outside our profile");
  return suite;
}

/** What a sender must look at before an Add (the library verifies signatures and credential when it commits). */
export function checkUsable(keyPackage: KeyPackage, suite: Suite, nowMs: number): void {
  if (keyPackageSuite(keyPackage) !== suite) throw new MlsError("invalid", "a key package of another suite");
  checkLifetimeLength(keyPackage.leafNode.lifetime);
  if (!isCurrent(keyPackage.leafNode.lifetime, nowMs))
    throw new MlsError("invalid", "the key package has expired");
}

export async function inspectKeyPackage(crypto: MlsCrypto, bytes: Uint8Array): Promise<KeyPackageInfo> {
  const keyPackage = decodeKeyPackageMessage(bytes);
  const suite = keyPackageSuite(keyPackage);
  const { credential, signaturePublicKey, lifetime } = keyPackage.leafNode;
  if (credential.credentialType !== "basic") throw new MlsError("unsupported", "not a basic credential");
  checkLifetimeLength(lifetime);
  const { signature, hash } = crypto(suite);
  return atBorder("foreign", undefined, async () => {
    const signed =
      (await verifyKeyPackage(keyPackage, signature)) &&
      (await verifyLeafNodeSignatureKeyPackage(keyPackage.leafNode, signature));
    if (!signed) throw new MlsError("unauthenticated", "the key package's signature does not hold");
    return {
      suite,
      identity: credential.identity,
      signatureKey: signaturePublicKey,
      lifetime,
      lastResort: isLastResort(keyPackage.extensions),
      ref: await makeKeyPackageRef(keyPackage, hash),
    };
  });
}
