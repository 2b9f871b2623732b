import { CLOCK_SKEW_MS } from "./chain-link.ts";
import { TrustError } from "./errors.ts";
import { isHost } from "./host-address.ts";
import { cleanDisplayName } from "./look-alike.ts";
import { KEY_BYTES } from "./signature.ts";
import type { NoteSigner, NoteVerifier } from "./tlog/index.ts";
import {
  MAX_NOTE_BYTES,
  noteVerifier,
  parseNote,
  parseVerifierKey,
  SIGNATURE_TYPE_COSIGNATURE,
  SIGNATURE_TYPE_ED25519,
  signNote,
  TlogError,
  verifyNote,
} from "./tlog/index.ts";

/** First line of a trust file; keeps its signatures apart from all other notes'. */
const TRUST_FILE_HEADER = "parley-trust-file-v1";
const MAX_LINES = 1024;

/** What an organisation, or a friend, hands out in one file (trust.md §A1, "Files"): `team.note`. */
export interface TrustFile {
  /** Who it comes from, for people; at most 64 characters, clean as `cleanDisplayName` leaves it. */
  readonly title: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly servers: readonly { readonly host: string; readonly serverId: Uint8Array }[];
  /** C2SP verifier keys of logs, type 0x01. */
  readonly logs: readonly string[];
  /** C2SP verifier keys of witnesses, type 0x04, with the address where one is known. */
  readonly witnesses: readonly { readonly vkey: string; readonly url?: string }[];
  /** How many of the witnesses must have cosigned. Absent: as many as `defaultQuorum` says. */
  readonly quorum?: number;
  /** Organisations that certify accounts: the name that `ca(name)` asks for, and the Ed25519 key. */
  readonly certifiers: readonly { readonly name: string; readonly key: Uint8Array }[];
  /** Accounts that may introduce people, for the user to confirm. */
  readonly introducers: readonly Uint8Array[];
}

/** A trust file whose signatures were looked at. */
export interface VerifiedTrustFile {
  readonly file: TrustFile;
  /** The vkeys of `requireSignature` that signed. Empty: nobody known did, and only the user's own word stands for it. */
  readonly signedBy: readonly string[];
}

/** The quorum of a file that names none: 1 of 1, 2 of 2, 3 of 3, 3 of 4, 4 of 5, 5 of 7 (trust.md §A5). */
export function defaultQuorum(witnesses: number): number {
  return witnesses - Math.floor((witnesses - 1) / 3);
}

/** Signs a file. Throws `trust-file-malformed` when it has no text. */
export async function signTrustFile(file: TrustFile, signers: readonly NoteSigner[]): Promise<Uint8Array> {
  const text = formatTrustFile(file);
  return translated(() => signNote(text, signers));
}

/**
 * Reads a trust file.
 *
 * With `requireSignature` (the vkeys that `--require-sig` pins, type 0x01) one of them must have signed, and none of
 * them wrongly; without it the file is as good as the road it came by. `lastIssuedAtMs` is the date of the last file
 * taken from there: an older one is refused. Throws `trust-file-malformed`, `trust-file-signature`, `trust-file-stale`.
 */
export async function verifyTrustFile(
  bytes: Uint8Array,
  options: {
    readonly nowMs: number;
    readonly requireSignature?: readonly string[];
    readonly lastIssuedAtMs?: number;
  },
): Promise<VerifiedTrustFile> {
  const { nowMs, requireSignature, lastIssuedAtMs = 0 } = options;
  const note = await translated(() => parseNote(bytes));
  const file = parseTrustFile(note.text);
  let signedBy: readonly string[] = [];
  if (requireSignature) {
    const vkeys = new Map<NoteVerifier, string>();
    for (const vkey of new Set(requireSignature)) vkeys.set(await translated(() => noteVerifier(vkey)), vkey);
    const { verified } = await translated(() => verifyNote(note, [...vkeys.keys()]));
    signedBy = [...new Set(verified.map(({ verifier }) => vkeys.get(verifier) as string))];
  }
  const isTimely =
    nowMs < file.expiresAtMs && file.issuedAtMs <= nowMs + CLOCK_SKEW_MS && file.issuedAtMs >= lastIssuedAtMs;
  if (!isTimely) throw new TrustError("trust-file-stale");
  return { file, signedBy };
}

/** The one text of a file. Throws `trust-file-malformed` when it has none. */
export function formatTrustFile(file: TrustFile): string {
  const text = [
    TRUST_FILE_HEADER,
    `title ${file.title}`,
    `issued ${file.issuedAtMs}`,
    `expires ${file.expiresAtMs}`,
    ...file.servers.map(({ host, serverId }) => `server ${host} ${serverId.toBase64()}`),
    ...file.logs.map((vkey) => `log ${vkey}`),
    ...file.witnesses.map(({ vkey, url }) => `witness ${vkey}${url === undefined ? "" : ` ${url}`}`),
    ...(file.quorum === undefined ? [] : [`quorum ${file.quorum}`]),
    ...file.certifiers.map(({ name, key }) => `certifier ${name} ${key.toBase64()}`),
    ...file.introducers.map((id) => `introducer ${id.toBase64()}`),
    "",
  ].join("\n");
  parseTrustFile(text);
  return text;
}

/** Reads what {@link formatTrustFile} printed, and nothing else. Throws `trust-file-malformed`; data: `line`. */
export function parseTrustFile(text: string): TrustFile {
  return new TrustFileParser(text).parse();
}

class TrustFileParser {
  readonly #lines: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#lines = text.split("\n");
    if (text.length > MAX_NOTE_BYTES || this.#lines.length > MAX_LINES) throw malformed(1);
  }

  parse(): TrustFile {
    this.#check(this.#lines[this.#at++] === TRUST_FILE_HEADER);
    const title = this.#one("title");
    this.#check(title !== "" && cleanDisplayName(title) === title);
    const issuedAtMs = this.#whole(this.#one("issued"));
    const expiresAtMs = this.#whole(this.#one("expires"));
    const servers = this.#all("server", (value) => this.#server(value));
    const logs = this.#all("log", (value) => this.#vkey(value, SIGNATURE_TYPE_ED25519));
    const witnesses = this.#all("witness", (value) => this.#witness(value));
    const quorum = this.#quorum(witnesses.length);
    const file: TrustFile = {
      title,
      issuedAtMs,
      expiresAtMs,
      servers,
      logs,
      witnesses,
      ...(quorum !== undefined && { quorum }),
      certifiers: this.#all("certifier", (value) => this.#certifier(value)),
      introducers: this.#all("introducer", (value) => this.#bytes(value)),
    };
    const isEnd = this.#lines[this.#at] === "" && this.#at === this.#lines.length - 1;
    if (!isEnd) throw malformed(this.#at + 1);
    return file;
  }

  /** About the line that was taken last. */
  #check(holds: boolean): void {
    if (!holds) throw malformed(Math.max(1, this.#at));
  }

  #take(word: string): string | undefined {
    const line = this.#lines[this.#at];
    if (!line?.startsWith(`${word} `)) return undefined;
    this.#at++;
    return line.slice(word.length + 1);
  }

  #one(word: string): string {
    const value = this.#take(word);
    if (value === undefined) throw malformed(this.#at + 1);
    return value;
  }

  #all<T>(word: string, read: (value: string) => T): T[] {
    const values: T[] = [];
    const seen = new Set<string>();
    for (let value = this.#take(word); value !== undefined; value = this.#take(word)) {
      this.#check(!seen.has(value));
      seen.add(value);
      values.push(read(value));
    }
    return values;
  }

  #fields(value: string, min: number, max: number): readonly string[] {
    const fields = value.split(" ");
    this.#check(fields.length >= min && fields.length <= max && fields.every((field) => field !== ""));
    return fields;
  }

  #server(value: string): TrustFile["servers"][number] {
    const [host = "", id = ""] = this.#fields(value, 2, 2);
    this.#check(isHost(host));
    return { host, serverId: this.#bytes(id) };
  }

  #witness(value: string): TrustFile["witnesses"][number] {
    const [vkey = "", url] = this.#fields(value, 1, 2);
    const key = this.#vkey(vkey, SIGNATURE_TYPE_COSIGNATURE);
    if (url === undefined) return { vkey: key };
    this.#check(/^https?:\/\/[!-~]+$/.test(url));
    return { vkey: key, url };
  }

  #quorum(witnesses: number): number | undefined {
    const value = this.#take("quorum");
    if (value === undefined) return undefined;
    const quorum = this.#whole(value);
    this.#check(quorum >= 1 && quorum <= witnesses);
    return quorum;
  }

  #certifier(value: string): TrustFile["certifiers"][number] {
    const [name = "", key = ""] = this.#fields(value, 2, 2);
    this.#check(/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name));
    return { name, key: this.#bytes(key) };
  }

  #vkey(value: string, type: number): string {
    try {
      this.#check(parseVerifierKey(value).type === type);
      return value;
    } catch (error) {
      if (error instanceof TlogError) throw malformed(this.#at);
      throw error;
    }
  }

  #bytes(value: string): Uint8Array {
    this.#check(/^[A-Za-z0-9+/]{43}=$/.test(value));
    const bytes = Uint8Array.fromBase64(value);
    this.#check(bytes.length === KEY_BYTES && bytes.toBase64() === value);
    return bytes;
  }

  #whole(value: string): number {
    const number = Number(value);
    this.#check(/^(0|[1-9][0-9]{0,15})$/.test(value) && Number.isSafeInteger(number));
    return number;
  }
}

function malformed(line: number): TrustError {
  return new TrustError("trust-file-malformed", `line ${line}`, { line });
}

const SIGNATURE_CODES = new Set(["bad-signature", "not-signed"]);

async function translated<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    throw new TrustError(
      SIGNATURE_CODES.has(error.code) ? "trust-file-signature" : "trust-file-malformed",
      error.code,
    );
  }
}
