import { join } from "node:path";
import type { NoteSigner } from "@parley/trust/tlog";
import { generateKey, noteSigner, SIGNATURE_TYPE_ED25519 } from "@parley/trust/tlog";
import * as z from "zod/mini";
import { readTextIfPresent, writeOwnerFile } from "../data-file.ts";

/** The key that signs the transparency log's checkpoints. It signs nothing else, and is not the identity key. */
export interface LogKey {
  /** The log's name, and the key's: `HOST/parley`. It stays the same when the relay goes by other host names later. */
  readonly origin: string;
  /** What the server's chain announces. */
  readonly vkey: string;
  readonly signer: NoteSigner;
}

const FILE = "log-key.json";

const keyFile = z.object({
  version: z.literal(1),
  origin: z.string().check(z.minLength(1)),
  seed: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
});

/** The log key of the data folder; made, for a log of `hostName`, when there is none. */
export async function openLogKey(folder: string, hostName: string): Promise<LogKey> {
  const path = join(folder, FILE);
  const present = await readTextIfPresent(path);
  const { origin, seed } =
    present === undefined ? await createKey(path, hostName) : parseKeyFile(present, path);
  const { vkey, skey } = await generateKey({
    name: origin,
    type: SIGNATURE_TYPE_ED25519,
    seed: Uint8Array.fromHex(seed),
  });
  return { origin, vkey, signer: await noteSigner(skey.reveal()) };
}

type KeyFile = z.infer<typeof keyFile>;

async function createKey(path: string, hostName: string): Promise<KeyFile> {
  const seed = crypto.getRandomValues(new Uint8Array(32)).toHex();
  const content: KeyFile = { version: 1, origin: `${hostName}/parley`, seed };
  await writeOwnerFile(path, `${JSON.stringify(content)}\n`);
  return content;
}

function parseKeyFile(text: string, path: string): KeyFile {
  try {
    return keyFile.parse(JSON.parse(text));
  } catch {
    // The cause would quote the file, which holds a key.
    throw new Error(`${path} is damaged`);
  }
}
