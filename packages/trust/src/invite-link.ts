import { sha256 } from "@noble/hashes/sha2.js";
import type { Infer } from "@parley/protocol";
import {
  accountId,
  ByteReader,
  ByteWriter,
  bytesEqual,
  decode,
  encode,
  fixed,
  inviteId,
  optional,
  ProtocolError,
  roomId,
  struct,
  text,
  u8,
  u16,
  u53,
} from "@parley/protocol";
import { base32nopad, base64urlnopad } from "@scure/base";
import { HASH_BYTES } from "./chain-entry.ts";
import { TrustError } from "./errors.ts";
import type { HostAddress } from "./host-address.ts";
import { formatHostAddress, isHost, MAX_HOST_BYTES } from "./host-address.ts";
import { Secret } from "./secret.ts";
import { KEY_BYTES } from "./signature.ts";

const VERSION = 1;
const CHECKSUM_BYTES = 4;
const HEADER_BYTES = 3;
/** Longest link that is looked at. */
export const MAX_INVITE_LINK_CHARACTERS = 2048;

const hash = fixed(HASH_BYTES);
/** A view of the log: how many entries, and the root of their tree. Absent while there is none. */
export const logView = optional(struct({ size: u53, root: hash }));
const layout = struct({
  serverId: hash,
  host: text(MAX_HOST_BYTES),
  port: u16,
  inviter: optional(accountId),
  id: inviteId,
  secret: fixed(KEY_BYTES),
  expiresAtMs: u53,
  room: optional(roomId),
  checkpoint: logView,
});

/** What an invite says: which server, from whom, until when; it pins the server before anything is sent to it. */
export type Invite = Omit<Infer<typeof layout>, "secret"> & {
  /** 32 random bytes. The relay never sees them: see {@link inviteToken}. */
  readonly secret: Secret;
};

/** @returns `https://HOST[:PORT]/i#…`; the part after `#` never travels in HTTP. Throws `invite-malformed`. */
export function formatInviteLink(invite: Invite): string {
  const code = base64urlnopad.encode(encodeInvite(invite));
  return `https://${formatHostAddress(invite)}/i#${code}`;
}

/** @returns `PARLEY:…`, in characters that a QR code holds densely. Throws `invite-malformed`. */
export function formatInviteUri(invite: Invite): string {
  return `PARLEY:${base32nopad.encode(encodeInvite(invite))}`;
}

/**
 * Reads either form; white space around it and, as terminals wrap, inside it is dropped. Throws `invite-cut-off` when
 * the end is missing, `invite-malformed` for everything else that is not exactly an invite, and `invite-expired`.
 */
export function parseInviteLink(pasted: string, nowMs: number): Invite {
  if (pasted.length > MAX_INVITE_LINK_CHARACTERS) throw new TrustError("invite-malformed", "too long");
  const link = pasted.replace(/\s+/g, "");
  const invite = /^parley:/i.test(link) ? parseUri(link) : parseWebLink(link);
  if (nowMs >= invite.expiresAtMs) throw new TrustError("invite-expired");
  return invite;
}

function parseUri(link: string): Invite {
  const code = link.slice("parley:".length).toUpperCase();
  if (!/^[A-Z2-7]*$/.test(code)) throw new TrustError("invite-malformed", "alphabet");
  return parseCode(code, BASE32);
}

function parseWebLink(link: string): Invite {
  const [, address, code] = /^https:\/\/([^/?#@]+)\/i#([A-Za-z0-9_-]*)$/i.exec(link) ?? [];
  if (address === undefined || code === undefined) {
    const cutOff = /^https:\/\/[^/?#@]+(\/(i#?)?)?$/i.test(link);
    throw new TrustError(cutOff ? "invite-cut-off" : "invite-malformed", "link");
  }
  const invite = parseCode(code, BASE64URL);
  if (formatHostAddress(invite) !== address.toLowerCase()) {
    throw new TrustError("invite-malformed", "the host is not the one inside");
  }
  return invite;
}

interface Alphabet {
  readonly coder: { encode(bytes: Uint8Array): string; decode(text: string): Uint8Array };
  readonly bitsPerCharacter: number;
  /** Characters that hold a whole number of bytes. */
  readonly quantum: number;
}
const BASE64URL: Alphabet = { coder: base64urlnopad, bitsPerCharacter: 6, quantum: 4 };
const BASE32: Alphabet = { coder: base32nopad, bitsPerCharacter: 5, quantum: 8 };

/** Fills a code up with zero bits (`A` in both alphabets), so that a cut-off one can be read as far as it goes. */
function parseCode(code: string, { coder, bitsPerCharacter, quantum }: Alphabet): Invite {
  const filled = code.padEnd(Math.ceil(code.length / quantum) * quantum, "A");
  const bytes = coder.decode(filled).subarray(0, Math.floor((code.length * bitsPerCharacter) / 8));
  const invite = decodeInvite(bytes);
  if (coder.encode(bytes) !== code) throw new TrustError("invite-malformed", "spelling");
  return invite;
}

/** version ‖ length of the rest ‖ body ‖ first bytes of SHA-256 of all before: tells a cut from a damage. */
function encodeInvite(invite: Invite): Uint8Array {
  checkAddress(invite);
  const body = translated(() => encode(layout, { ...invite, secret: invite.secret.expose() }));
  const writer = new ByteWriter();
  u8.write(writer, VERSION);
  u16.write(writer, body.length + CHECKSUM_BYTES);
  writer.bytes(body);
  const head = writer.finish();
  const whole = new Uint8Array(head.length + CHECKSUM_BYTES);
  whole.set(head);
  whole.set(checksum(head), head.length);
  return whole;
}

function decodeInvite(bytes: Uint8Array): Invite {
  if (bytes.length > 0 && bytes[0] !== VERSION) throw new TrustError("invite-malformed", "version");
  if (bytes.length < HEADER_BYTES) throw new TrustError("invite-cut-off");
  const reader = new ByteReader(bytes);
  u8.read(reader);
  const missing = HEADER_BYTES + u16.read(reader) - bytes.length;
  if (missing > 0) throw new TrustError("invite-cut-off");
  const head = bytes.subarray(0, -CHECKSUM_BYTES);
  const isWhole = bytesEqual(checksum(head), bytes.subarray(-CHECKSUM_BYTES));
  if (missing < 0 || !isWhole) throw new TrustError("invite-malformed", "checksum");
  const { secret, ...rest } = translated(() => decode(layout, head.subarray(HEADER_BYTES)));
  checkAddress(rest);
  return { ...rest, secret: new Secret(secret) };
}

function translated<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof ProtocolError) throw new TrustError("invite-malformed", "body");
    throw error;
  }
}

function checkAddress({ host, port }: HostAddress): void {
  if (!isHost(host) || port === 0) throw new TrustError("invite-malformed", "host");
}

function checksum(bytes: Uint8Array): Uint8Array {
  return sha256(bytes).subarray(0, CHECKSUM_BYTES);
}
