import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cosigner } from "@parley/trust/tlog";
import {
  cosigner,
  generateKey,
  isKeyName,
  noteVerifier,
  SIGNATURE_TYPE_COSIGNATURE,
  TlogError,
} from "@parley/trust/tlog";
import { CommandFailure } from "../command-failure.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { SqliteWitnessStore } from "./witness-store.ts";

const KEY_FILE = "witness-key";
const VKEY_FILE = "witness.vkey";
const STORE_FILE = "witness.db";

/** A witness as it lies on disk. The caller closes the store. */
export interface OpenWitness {
  readonly vkey: string;
  readonly cosigner: Cosigner;
  readonly store: SqliteWitnessStore;
}

/** Makes the key and the memory of a new witness. CommandFailure when there is one already. @returns its vkey. */
export async function initWitness(folder: string, name: string): Promise<string> {
  if (!isKeyName(name)) {
    throw new CommandFailure("A witness's name has no spaces and no plus sign: HOST/PATH", EXIT_CODES.usage);
  }
  if (existsSync(join(folder, KEY_FILE))) throw new CommandFailure(`There is a witness in ${folder} already`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { vkey, skey } = await generateKey({ name, type: SIGNATURE_TYPE_COSIGNATURE });
  SqliteWitnessStore.create(join(folder, STORE_FILE)).close();
  writeFileSync(join(folder, VKEY_FILE), `${vkey}\n`, { mode: 0o600 });
  writeFileSync(join(folder, KEY_FILE), `${skey.reveal()}\n`, { mode: 0o600, flag: "wx" });
  return vkey;
}

/**
 * Opens the witness of a folder. A key without its memory is refused: such a witness could sign two histories, so its
 * key has to be retired (trust.md T14).
 */
export async function openWitness(folder: string): Promise<OpenWitness> {
  const file = join(folder, STORE_FILE);
  const isNew = !existsSync(join(folder, KEY_FILE));
  if (isNew) throw new CommandFailure("There is no witness here yet: run `parley witness init NAME`");
  if (!existsSync(file)) {
    throw new CommandFailure(
      `${file} is gone, and with it what this witness has signed: retire its key and make a new witness`,
    );
  }
  const skey = readFileSync(join(folder, KEY_FILE), "utf8").trim();
  const vkey = readFileSync(join(folder, VKEY_FILE), "utf8").trim();
  return { vkey, cosigner: await cosigner(skey), store: SqliteWitnessStore.open(file) };
}

/** Lets a witness know a log, by the log's vkey. The key's name is the log's origin. */
export async function addLog(folder: string, vkey: string): Promise<string> {
  const { store } = await openWitness(folder);
  try {
    const { name } = noteVerifier(vkey);
    store.addLog(name, vkey);
    return name;
  } catch (error) {
    if (error instanceof TlogError) throw new CommandFailure("That is not a log's key", EXIT_CODES.usage);
    throw error;
  } finally {
    store.close();
  }
}
