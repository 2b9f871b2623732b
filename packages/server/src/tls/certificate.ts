import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readTextIfPresent, writeOwnerFile } from "../data-file.ts";
import { issueSelfSigned } from "./self-signed.ts";

/** A TLS key and its certificate chain, in PEM. */
export interface TlsIdentity {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** SHA-256 of the leaf's SubjectPublicKeyInfo (DER): what the server statement names. */
  readonly spkiHash: Uint8Array;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Nothing rests on the certificate's own dates: clients go by the key, which the signed statement names. */
const LIFETIME_MS = 20 * 365 * DAY_MS;

/** Reads an operator's own certificate and key. Throws when a file is missing or they do not belong together. */
export async function readTlsIdentity(certificateFile: string, keyFile: string): Promise<TlsIdentity> {
  const [certificatePem, keyPem] = await Promise.all([
    readFile(certificateFile, "utf8"),
    readFile(keyFile, "utf8"),
  ]);
  const identity = makeTlsIdentity(certificatePem, keyPem);
  if (!identity) throw new Error(`${keyFile} is not the key of ${certificateFile}`);
  return identity;
}

/** The self-signed certificate of the data folder; made when there is none. P-256, as browsers take no Ed25519. */
export async function selfSignedTlsIdentity(options: {
  readonly folder: string;
  readonly hostNames: readonly string[];
  readonly nowMs: number;
}): Promise<TlsIdentity> {
  const path = join(options.folder, "tls.pem");
  let pem = await readTextIfPresent(path);
  if (pem === undefined) {
    const { hostNames, nowMs } = options;
    const dates = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + LIFETIME_MS };
    const { keyPem, certificatePem } = issueSelfSigned({ commonName: "Parley relay", hostNames, ...dates });
    pem = keyPem + certificatePem;
    await writeOwnerFile(path, pem);
  }
  const identity = makeTlsIdentity(pem, pem);
  if (!identity) throw new Error(`${path} is damaged`);
  return identity;
}

function makeTlsIdentity(certificatePem: string, keyPem: string): TlsIdentity | undefined {
  const leaf = new X509Certificate(certificatePem);
  if (!leaf.checkPrivateKey(createPrivateKey(keyPem))) return undefined;
  const spki = leaf.publicKey.export({ type: "spki", format: "der" });
  return { certificatePem, keyPem, spkiHash: new Uint8Array(createHash("sha256").update(spki).digest()) };
}
