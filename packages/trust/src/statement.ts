import { bytesEqual, LIMITS } from "@parley/protocol";
import { HASH_BYTES } from "./chain-entry.ts";
import { CLOCK_SKEW_MS } from "./chain-link.ts";
import type { TrustErrorCode } from "./errors.ts";
import { TrustError } from "./errors.ts";
import { isHost } from "./host-address.ts";
import type { ServerIdentity } from "./server-chain.ts";
import type { Signer } from "./signature.ts";
import { KEY_BYTES, labelled, SIGNATURE_BYTES, verifySignature } from "./signature.ts";
import type { Note, NoteSignature } from "./tlog/index.ts";
import { keyId, parseNote, SIGNATURE_TYPE_ED25519, signNote, TlogError } from "./tlog/index.ts";

/** First line of a statement; also keeps its signature apart from all others. */
const STATEMENT_HEADER = "parley-statement-v1";
/** Key name in the signature line of a statement's note. */
const STATEMENT_KEY_NAME = "parley-statement";
/** Longest life of a session key's certificate. */
export const SESSION_KEY_LIFETIME_MS = 7 * 24 * 60 * 60 * 1000;

const MAX_LINES = 64;

/** A key that may sign statements for at most a week, so that the identity key can stay off line. */
export interface SessionCertificate {
  readonly key: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** The identity key's, over label ‖ server id ‖ key ‖ the two times (8 bytes each, big-endian). */
  readonly signature: Uint8Array;
}

/** What a server says at the beginning of each connection (trust.md §0, "Hello"). */
export interface Statement {
  readonly serverId: Uint8Array;
  /** Hosts this server answers for, without ports. At least one. */
  readonly hostNames: readonly string[];
  /** SHA-256 of each acceptable TLS SubjectPublicKeyInfo (DER). Empty when it ends no TLS that it knows of. */
  readonly tlsSpkiHashes: readonly Uint8Array[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Grows when a backup is restored. */
  readonly generation: number;
  /** Present when a session key signed. */
  readonly session?: SessionCertificate;
}

/** @returns the certificate by which `identity` lets `key` sign statements. Throws `malformed` above seven days. */
export async function certifySessionKey(options: {
  readonly identity: Signer;
  readonly serverId: Uint8Array;
  readonly key: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}): Promise<SessionCertificate> {
  const { identity, serverId, key, notBeforeMs, notAfterMs } = options;
  if (notAfterMs - notBeforeMs > SESSION_KEY_LIFETIME_MS)
    throw new TrustError("malformed", "session key lifetime");
  const signature = await identity.sign(certificateBytes(serverId, { key, notBeforeMs, notAfterMs }));
  return { key, notBeforeMs, notAfterMs, signature };
}

/**
 * @param signer the identity key, or the key of `statement.session`.
 * @returns a C2SP signed note. Throws `malformed` when the statement has no text.
 */
export async function signStatement(statement: Statement, signer: Signer): Promise<Uint8Array> {
  const text = formatStatement(statement);
  const noteSigner = {
    name: STATEMENT_KEY_NAME,
    keyId: statementKeyId(signer.publicKey),
    sign: (bytes: Uint8Array) => signer.sign(bytes),
  };
  const note = await signNote(text, [noteSigner]);
  if (note.length > LIMITS.statementBytes) throw new TrustError("malformed", "statement too large");
  return note;
}

/**
 * Checks a statement against the server's verified chain, the clock, and what is on the wire.
 *
 * `host` is the dialled host without port; `tlsSpkiHash` is SHA-256 of the SubjectPublicKeyInfo seen on the wire, and
 * absent only where the platform does not show it (browsers). Throws `malformed`, `statement-server`,
 * `statement-signature`, `statement-expired`, `statement-not-yet-valid`, `statement-host-mismatch` or
 * `statement-tls-mismatch`, in this order of checks.
 */
export async function verifyStatement(options: {
  readonly note: Uint8Array;
  readonly server: ServerIdentity;
  readonly nowMs: number;
  readonly host?: string;
  readonly tlsSpkiHash?: Uint8Array;
}): Promise<Statement> {
  const { server, nowMs, host, tlsSpkiHash } = options;
  const note = readNote(options.note);
  const statement = parseStatement(note.text);
  expect(bytesEqual(statement.serverId, server.serverId), "statement-server");
  const key = await signingKey(statement, server);
  await checkNoteSignature(note, key);
  for (const period of [statement, ...(statement.session ? [statement.session] : [])]) {
    expect(nowMs <= period.notAfterMs, "statement-expired");
    expect(nowMs >= period.notBeforeMs - CLOCK_SKEW_MS, "statement-not-yet-valid");
  }
  if (host !== undefined) expect(statement.hostNames.includes(host), "statement-host-mismatch");
  if (tlsSpkiHash) {
    const listed = statement.tlsSpkiHashes.some((hash) => bytesEqual(hash, tlsSpkiHash));
    expect(listed, "statement-tls-mismatch");
  }
  return statement;
}

function readNote(bytes: Uint8Array): Note {
  expect(bytes.length <= LIMITS.statementBytes, "malformed");
  try {
    return parseNote(bytes);
  } catch (error) {
    if (error instanceof TlogError) throw new TrustError("malformed", "statement note");
    throw error;
  }
}

async function signingKey({ session, serverId }: Statement, server: ServerIdentity): Promise<Uint8Array> {
  if (!session) return server.identityKey;
  const message = certificateBytes(serverId, session);
  expect(await verifySignature(server.identityKey, message, session.signature), "statement-signature");
  return session.key;
}

async function checkNoteSignature(note: Note, key: Uint8Array): Promise<void> {
  const id = statementKeyId(key);
  const isOurs = (line: NoteSignature) => line.name === STATEMENT_KEY_NAME && line.keyId === id;
  const [line, ...others] = note.signatures.filter(isOurs);
  const message = new TextEncoder().encode(note.text);
  const holds = line && others.length === 0 && (await verifySignature(key, message, line.signature));
  expect(holds === true, "statement-signature");
}

function statementKeyId(publicKey: Uint8Array): number {
  return keyId(STATEMENT_KEY_NAME, SIGNATURE_TYPE_ED25519, publicKey);
}

function certificateBytes(
  serverId: Uint8Array,
  { key, notBeforeMs, notAfterMs }: Omit<SessionCertificate, "signature">,
): Uint8Array {
  const times = new DataView(new ArrayBuffer(16));
  times.setBigUint64(0, BigInt(notBeforeMs));
  times.setBigUint64(8, BigInt(notAfterMs));
  return labelled("sessionKey", serverId, key, new Uint8Array(times.buffer));
}

/** @returns the text that is signed: one `word value` line each, in a fixed order. Throws `malformed`. */
export function formatStatement(statement: Statement): string {
  const { session } = statement;
  const lines = [
    STATEMENT_HEADER,
    `server ${statement.serverId.toBase64()}`,
    ...statement.hostNames.map((name) => `host ${name}`),
    ...statement.tlsSpkiHashes.map((hash) => `tls ${hash.toBase64()}`),
    `from ${statement.notBeforeMs}`,
    `until ${statement.notAfterMs}`,
    `generation ${statement.generation}`,
  ];
  if (session) {
    const { key, notBeforeMs, notAfterMs, signature } = session;
    lines.push(`session ${key.toBase64()} ${notBeforeMs} ${notAfterMs} ${signature.toBase64()}`);
  }
  const text = `${lines.join("\n")}\n`;
  expect(statement.hostNames.every(isHost), "malformed");
  parseStatement(text);
  return text;
}

/** Reads the text of {@link formatStatement}, and no other spelling of it. Checks no signature. Throws `malformed`. */
export function parseStatement(text: string): Statement {
  const lines = text.split("\n");
  expect(lines.pop() === "" && lines.length <= MAX_LINES && lines.shift() === STATEMENT_HEADER, "malformed");
  const takeAll = (word: string): string[] => {
    const end = lines.findIndex((line) => !line.startsWith(`${word} `));
    return lines.splice(0, end < 0 ? lines.length : end).map((line) => line.slice(word.length + 1));
  };
  const takeOne = (word: string): string => {
    const [value, ...others] = takeAll(word);
    if (value === undefined || others.length > 0) throw new TrustError("malformed", "statement line");
    return value;
  };
  const serverId = parseBytes(takeOne("server"), HASH_BYTES);
  const hostNames = takeAll("host");
  expect(hostNames.length > 0 && hostNames.every(isHost), "malformed");
  const tlsSpkiHashes = takeAll("tls").map((value) => parseBytes(value, HASH_BYTES));
  const notBeforeMs = parseWhole(takeOne("from"));
  const notAfterMs = parseWhole(takeOne("until"));
  const generation = parseWhole(takeOne("generation"));
  const sessions = takeAll("session").map(parseSession);
  expect(lines.length === 0 && sessions.length <= 1 && generation <= 0xffff_ffff, "malformed");
  const [session] = sessions;
  const statement = { serverId, hostNames, tlsSpkiHashes, notBeforeMs, notAfterMs, generation };
  return session ? { ...statement, session } : statement;
}

function parseSession(value: string): SessionCertificate {
  const [key = "", from = "", until = "", signature = "", ...rest] = value.split(" ");
  const certificate = {
    key: parseBytes(key, KEY_BYTES),
    notBeforeMs: parseWhole(from),
    notAfterMs: parseWhole(until),
    signature: parseBytes(signature, SIGNATURE_BYTES),
  };
  const lifetimeMs = certificate.notAfterMs - certificate.notBeforeMs;
  expect(rest.length === 0 && lifetimeMs <= SESSION_KEY_LIFETIME_MS, "malformed");
  return certificate;
}

function parseBytes(value: string, length: number): Uint8Array {
  try {
    const bytes = Uint8Array.fromBase64(value, { lastChunkHandling: "strict" });
    expect(bytes.length === length && bytes.toBase64() === value, "malformed");
    return bytes;
  } catch (error) {
    if (error instanceof SyntaxError) throw new TrustError("malformed", "base64");
    throw error;
  }
}

function parseWhole(value: string): number {
  const number = Number(value);
  expect(/^(0|[1-9][0-9]{0,15})$/.test(value) && Number.isSafeInteger(number), "malformed");
  return number;
}

function expect(holds: boolean, code: TrustErrorCode): void {
  if (!holds) throw new TrustError(code, code === "malformed" ? "statement" : "");
}
