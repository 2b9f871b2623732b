import { argon2, randomBytes } from "node:crypto";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesEqual } from "@parley/protocol";
import { Secret } from "@parley/trust";
import { StoreError } from "../store/client-store.ts";
import { decodeRecord, encodeRecord } from "../store/record.ts";
import { seal, unseal } from "./sealing.ts";

const HEADER_VERSION = 1;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** Fewest characters of a password. */
export const MIN_PASSWORD_LENGTH = 8;

/** What Argon2id (RFC 9106) is to spend. */
export interface PasswordCost {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

/**
 * What new headers are made with: twice the memory of RFC 9106's second choice. About half a second on a small machine.
 * An old header keeps its own until its password is changed.
 */
export const PASSWORD_COST: PasswordCost = { memoryKib: 131_072, passes: 3, lanes: 4 };

/** A header that asks for more is damaged: opening would take the machine down. */
const MOST: PasswordCost = { memoryKib: 2 ** 21, passes: 64, lanes: 64 };

interface Header extends PasswordCost {
  readonly version: number;
  readonly salt: Uint8Array;
  readonly wrapped: Uint8Array;
}

/** A new store key, and the header from which `password` gets it back. */
export async function makeStoreKey(
  password: Secret,
  cost: PasswordCost = PASSWORD_COST,
): Promise<{ readonly key: Secret; readonly header: Uint8Array }> {
  const key = Secret.random(KEY_BYTES);
  const salt = new Uint8Array(randomBytes(SALT_BYTES));
  const wrappingKey = await stretch(password, salt, cost);
  const wrapped = seal(wrappingKey, contextOf({ version: HEADER_VERSION, ...cost }), key.expose());
  wrappingKey.fill(0);
  const record = encodeRecord({ version: HEADER_VERSION, ...cost, salt, wrapped } satisfies Header);
  return { key, header: encodeRecord({ record, sum: sha256(record) }) };
}

/**
 * The store key in a header. Throws {@link StoreError} `wrong-password`, or `unreadable` for a header that is damaged
 * or of a newer Parley.
 */
export async function unwrapStoreKey(header: Uint8Array, password: Secret): Promise<Secret> {
  const { salt, wrapped, ...given } = readHeader(header);
  const wrappingKey = await stretch(password, salt, given);
  const key = unseal(wrappingKey, contextOf(given), wrapped);
  wrappingKey.fill(0);
  if (key === "other-key") throw new StoreError("wrong-password", "that is not the password of this account");
  if (key === "damaged" || key.length !== KEY_BYTES) throw damagedHeader();
  const secret = new Secret(key);
  key.fill(0);
  return secret;
}

function contextOf({ version, memoryKib, passes, lanes }: Omit<Header, "salt" | "wrapped">): string {
  return `parley store key ${version}: argon2id ${memoryKib} ${passes} ${lanes}`;
}

/** The sum tells damage from a wrong password; it protects against nobody. */
function readHeader(bytes: Uint8Array): Header {
  const header = headerIn(bytes);
  if (header.version > HEADER_VERSION) {
    throw new StoreError("unreadable", "the local store was sealed by a newer Parley");
  }
  const { memoryKib, passes, lanes } = header;
  const isSane = memoryKib <= MOST.memoryKib && passes <= MOST.passes && lanes <= MOST.lanes;
  if (!isSane) throw damagedHeader();
  return header;
}

function headerIn(bytes: Uint8Array): Header {
  try {
    const { record, sum } = decodeRecord<{ record: Uint8Array; sum: Uint8Array }>(bytes);
    if (bytesEqual(sum, sha256(record))) return decodeRecord<Header>(record);
  } catch (error) {
    throw damagedHeader(error);
  }
  throw damagedHeader();
}

function damagedHeader(cause?: unknown): StoreError {
  return new StoreError(
    "unreadable",
    "the header of the sealed store is damaged; put the folder back from a copy",
    { cause },
  );
}

function stretch(
  password: Secret,
  nonce: Uint8Array,
  { memoryKib, passes, lanes }: PasswordCost,
): Promise<Buffer> {
  const parameters = {
    message: password.expose(),
    nonce,
    memory: memoryKib,
    passes,
    parallelism: lanes,
    tagLength: KEY_BYTES,
  };
  return new Promise((resolve, reject) => {
    argon2("argon2id", parameters, (error, derived) => (error ? reject(error) : resolve(derived)));
  });
}

/** The password that somebody typed: the same one for every way to type its letters (NFC). */
export function passwordFrom(text: string): Secret {
  const bytes = new TextEncoder().encode(text.normalize("NFC"));
  const password = new Secret(bytes);
  bytes.fill(0);
  return password;
}
