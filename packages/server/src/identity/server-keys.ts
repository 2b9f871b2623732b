import { join } from "node:path";
import type { ServerIdentity, Signer } from "@parley/trust";
import {
  createServerIdentity,
  recoveryWordsOf,
  Secret,
  signerFromSeed,
  updateServerMeta,
  verifyServerChain,
} from "@parley/trust";
import * as z from "zod/mini";
import { readTextIfPresent, writeOwnerFile } from "../data-file.ts";
import type { LogKey } from "../log/log-key.ts";
import { openLogKey } from "../log/log-key.ts";

/** The relay's own identity: its verified chain and the key that signs for it. */
export interface RelayIdentity {
  readonly server: ServerIdentity;
  /** Encoded entries, oldest first. */
  readonly chain: readonly Uint8Array[];
  readonly signer: Signer;
}

/** Told once, when a relay has just got its identity. Printing it shows no words. */
export class NewIdentity {
  readonly #recoveryWords: string;
  /** Where the key for the next rotation lies; it belongs on another machine. */
  readonly nextKeyFile: string;

  constructor(recoveryWords: string, nextKeyFile: string) {
    this.#recoveryWords = recoveryWords;
    this.nextKeyFile = nextKeyFile;
  }

  /** 24 words that replace a stolen or lost identity key. This is the only copy. */
  get recoveryWords(): string {
    return this.#recoveryWords;
  }
}

const FILE = "identity.json";
const NEXT_KEY_FILE = "next-key";

const hex = z.string().check(z.regex(/^([0-9a-f]{2})+$/));
const keyFile = z.object({
  version: z.literal(1),
  chain: z.array(hex).check(z.minLength(1)),
  identity: hex.check(z.length(64)),
});

/**
 * The identity and the log key of the data folder. When there is no identity it is made, and `onNewIdentity` is awaited
 * before anything is written: a relay whose recovery words nobody has seen does not come to be. The chain names the log
 * key, by a server-meta entry.
 */
export async function openRelayIdentity(options: {
  readonly folder: string;
  readonly hostNames: readonly string[];
  readonly nowMs: number;
  readonly onNewIdentity: (identity: NewIdentity) => void | Promise<void>;
}): Promise<{ readonly identity: RelayIdentity; readonly logKey: LogKey }> {
  const path = join(options.folder, FILE);
  const present = await readTextIfPresent(path);
  const keys = present === undefined ? await createIdentity(path, options) : parseKeyFile(present, path);
  const logKey = await openLogKey(options.folder, options.hostNames[0] ?? "localhost");
  const { chain, identity } = await announceLogKey(path, { keys, logKey, nowMs: options.nowMs });
  const server = await verifyServerChain(chain);
  return { identity: { server, chain, signer: await signerFromSeed(identity) }, logKey };
}

async function announceLogKey(
  path: string,
  { keys, logKey, nowMs }: { readonly keys: Keys; readonly logKey: LogKey; readonly nowMs: number },
): Promise<Keys> {
  const { meta } = await verifyServerChain(keys.chain);
  if (meta.logKey === logKey.vkey) return keys;
  const chain = await updateServerMeta({ ...keys, meta: { ...meta, logKey: logKey.vkey }, nowMs });
  const announced = { ...keys, chain };
  await writeKeyFile(path, announced);
  return announced;
}

type Keys = { readonly chain: readonly Uint8Array[]; readonly identity: Secret };

async function createIdentity(path: string, options: Parameters<typeof openRelayIdentity>[0]): Promise<Keys> {
  const { chain, identity, next, recovery } = await createServerIdentity(options);
  const nextKeyFile = join(options.folder, NEXT_KEY_FILE);
  await options.onNewIdentity(new NewIdentity(recoveryWordsOf(recovery), nextKeyFile));
  recovery.wipe();
  await writeOwnerFile(nextKeyFile, `${next.expose().toHex()}\n`);
  next.wipe();
  await writeKeyFile(path, { chain, identity });
  return { chain, identity };
}

async function writeKeyFile(path: string, { chain, identity }: Keys): Promise<void> {
  const content = {
    version: 1,
    chain: chain.map((entry) => entry.toHex()),
    identity: identity.expose().toHex(),
  };
  await writeOwnerFile(path, `${JSON.stringify(content)}\n`);
}

function parseKeyFile(text: string, path: string): Keys {
  let content: z.infer<typeof keyFile>;
  try {
    content = keyFile.parse(JSON.parse(text));
  } catch {
    // The cause would quote the file, which holds a key.
    throw new Error(`${path} is damaged`);
  }
  return {
    chain: content.chain.map((entry) => Uint8Array.fromHex(entry)),
    identity: new Secret(Uint8Array.fromHex(content.identity)),
  };
}
