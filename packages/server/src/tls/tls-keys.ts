import { join } from "node:path";
import { bytesEqual } from "@parley/protocol";
import { readTextIfPresent } from "../data-file.ts";
import type { RelayLog } from "../log.ts";
import type { TlsMode } from "../options.ts";
import type { TlsIdentity } from "./certificate.ts";
import { readTlsIdentity, selfSignedTlsIdentity } from "./certificate.ts";
import { parseSpkiList } from "./spki-list.ts";

/** The TLS keys that clients may see, as of now. */
export interface TlsKeys {
  /** What the relay itself presents; absent when it ends no TLS. */
  readonly own?: TlsIdentity;
  /** SHA-256 of every acceptable SubjectPublicKeyInfo: the relay's own and those of proxies. */
  readonly spkiHashes: readonly Uint8Array[];
}

/** Name of the file in the data folder that lists proxies' keys. */
const SPKI_FILE = "tls-spki.txt";

/** Reads certificate and list from disk; makes the self-signed certificate when there is none. */
export async function readTlsKeys(options: {
  readonly folder: string;
  readonly mode: TlsMode;
  readonly hostNames: readonly string[];
  readonly nowMs: number;
  readonly log: RelayLog;
}): Promise<TlsKeys> {
  const own = await ownIdentity(options);
  const { hashes, badLines } = parseSpkiList(
    (await readTextIfPresent(join(options.folder, SPKI_FILE))) ?? "",
  );
  for (const lineNumber of badLines) options.log.warn("spki-line-unreadable", { lineNumber });
  return { ...(own && { own }), spkiHashes: own ? [own.spkiHash, ...hashes] : hashes };
}

async function ownIdentity(options: Parameters<typeof readTlsKeys>[0]): Promise<TlsIdentity | undefined> {
  const { mode } = options;
  switch (mode.kind) {
    case "off":
      return undefined;
    case "files":
      return readTlsIdentity(mode.certificateFile, mode.keyFile);
    case "self-signed":
      return selfSignedTlsIdentity(options);
  }
}

/** Whether clients would see no difference. A certificate renewed for the same key is one. */
export function isSameTlsKeys(a: TlsKeys, b: TlsKeys): boolean {
  if (a.own?.certificatePem !== b.own?.certificatePem || a.spkiHashes.length !== b.spkiHashes.length)
    return false;
  return a.spkiHashes.every((hash, index) => bytesEqual(hash, b.spkiHashes[index] as Uint8Array));
}
