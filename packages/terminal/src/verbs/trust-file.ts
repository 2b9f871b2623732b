import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TrustFile } from "@parley/trust";
import { signTrustFile, TrustError } from "@parley/trust";
import { generateKey, noteSigner, SIGNATURE_TYPE_ED25519 } from "@parley/trust/tlog";
import { CommandFailure } from "../command-failure.ts";
import { openPolicy } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { VerbContext } from "../program.ts";
import type { TrustActions, TrustArguments } from "./trust-action.ts";

const KEY_FILE = "trust-file-key";
const DAY_MS = 24 * 60 * 60 * 1000;
const DEFAULT_DAYS = 365;
const FORM = "make FILE --title TITLE [--witness VKEY[=URL]]… [--quorum K] [--days N]";

/** How trust files come to be. */
export const FILE_ACTIONS: TrustActions = {
  make: {
    usage: FORM.slice("make ".length),
    help: "write a signed file with this server, its log and these witnesses, for others to add",
    options: {
      title: { type: "string" },
      witness: { type: "string", multiple: true },
      quorum: { type: "string" },
      days: { type: "string" },
    },
    run: runMake,
  },
};

async function runMake(context: VerbContext, given: TrustArguments): Promise<ExitCode> {
  const [path] = given.words;
  if (path === undefined || given.words.length > 1) throw usage();
  const server = await serverOf(context);
  const key = await openKey(join(context.folder, KEY_FILE), `${server.host}/trust`);
  await writeFile(path, await sign(fileOf(given, server), key.skey), { flag: "wx" });
  await context.streams.print(
    `Written to ${path}. Others: parley trust add FILE --require-sig '${key.vkey}'`,
  );
  return EXIT_CODES.ok;
}

interface Server {
  readonly host: string;
  readonly id: string;
  readonly logKey: string | undefined;
}

async function serverOf({ folder, password }: VerbContext): Promise<Server> {
  await using opened = await openPolicy(folder, password);
  const { server } = await opened.policy.status();
  if (!server)
    throw new CommandFailure("There is no account here yet: run `parley start`, or `parley join LINK`");
  return server;
}

function fileOf({ options }: TrustArguments, { host, id, logKey }: Server): TrustFile {
  const { title, witness = [], quorum, days } = options;
  if (typeof title !== "string") throw usage();
  const witnesses = [witness].flat().map((text) => witnessOf(String(text)));
  const needed = quorum === undefined ? undefined : whole(quorum);
  if (needed !== undefined && 2 * needed <= witnesses.length)
    throw new CommandFailure(
      `${needed} of ${witnesses.length} witnesses is too few: more than half are needed`,
    );
  const nowMs = Date.now();
  return {
    title,
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + (days === undefined ? DEFAULT_DAYS : whole(days)) * DAY_MS,
    servers: [{ host, serverId: Uint8Array.fromHex(id) }],
    logs: logKey === undefined ? [] : [logKey],
    witnesses,
    ...(needed !== undefined && { quorum: needed }),
    certifiers: [],
    introducers: [],
  };
}

/** As `parley serve --witness` takes them; a vkey may end with `=` itself. */
function witnessOf(text: string): TrustFile["witnesses"][number] {
  const [, vkey = text, url] = /^(.*?)=(https?:.*)$/.exec(text) ?? [];
  return url === undefined ? { vkey } : { vkey, url };
}

function whole(text: unknown): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw usage();
  return number;
}

async function sign(file: TrustFile, skey: string): Promise<Uint8Array> {
  try {
    return await signTrustFile(file, [await noteSigner(skey)]);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw new CommandFailure(
      "A title is plain text of up to 64 characters; witnesses are given by their keys",
    );
  }
}

/** The key that this profile signs trust files with; made when there is none. SECRET, readable by its owner alone. */
async function openKey(
  path: string,
  name: string,
): Promise<{ readonly vkey: string; readonly skey: string }> {
  if (!existsSync(path)) {
    const made = await generateKey({ name, type: SIGNATURE_TYPE_ED25519 });
    await writeFile(path, `${made.vkey}\n${made.skey.reveal()}\n`, { mode: 0o600, flag: "wx" });
  }
  const [vkey = "", skey = ""] = (await readFile(path, "utf8")).split("\n");
  return { vkey, skey };
}

function usage(): CommandFailure {
  return new CommandFailure(`It goes: parley trust ${FORM}`, EXIT_CODES.usage);
}
