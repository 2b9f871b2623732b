import { dateText, timeText } from "./calendar.ts";
import type { EvidenceKind } from "./evidence.ts";

/** One line of the list of evidence. */
export interface EvidenceLine {
  readonly kind: EvidenceKind;
  /** Whether it speaks for the server; else `detail` says what is missing. */
  readonly met: boolean;
  /** Already cleaned text. */
  readonly detail: string;
}

const KIND_COLUMN = 7;

/** Shown before the evidence is weighed. `code` is `serverCode(serverId)`. */
export function firstTimeText(code: string, lines: readonly EvidenceLine[]): string {
  const list = lines.map(
    ({ kind, met, detail }) => `  ${met ? "ok" : "--"}   ${kind.padEnd(KIND_COLUMN)} ${detail}`,
  );
  return [`First time here.  Server code ${code}`, ...list].join("\n");
}

/** Shown when a first contact is met. `rule` is the part of the policy that was. */
export function rememberedText(rule: string): string {
  return `Rule "first" is met by ${rule}. Remembered. From now on only this server's own key chain counts.`;
}

/** What is known of the host's TLS certificate; `unseen` in a browser. */
export type CertificateKind = "self-signed" | "valid" | "unseen";

const CERTIFICATE_TEXTS: Readonly<Record<CertificateKind, string>> = {
  "self-signed": "the certificate is self-signed",
  valid: "a certificate alone proves too little",
  unseen: "this browser does not show the certificate",
};

/** Shown, with a prompt after it, when nothing speaks for a server. Neither `y` nor Enter goes on. */
export function cannotTellText(host: string, certificate: CertificateKind): string {
  return [
    `I cannot tell ${host} from an impostor: ${CERTIFICATE_TEXTS[certificate]} and no witness of yours knows it.`,
    "Paste an invite link, or the 30 digits read to you by someone who is already there.   (Enter = stop)",
    "To go on unchecked type the host name again with an exclamation mark.",
  ].join("\n");
}

/** Shown when a known server answers with a foreign key. `waiting` is the number of queued messages. */
export function changedText(host: string, rememberedAtMs: number, waiting: number): string {
  return [
    `STOP. ${host} answers with a key that does not follow from the one remembered on ${dateText(rememberedAtMs)}.`,
    `Nothing was sent; ${waitingText(waiting)}. Either the operator lost every key, or somebody is between you.`,
    `Reach the operator by another way, then: parley trust replace ${host} --code <30 digits>`,
  ].join("\n");
}

/** Shown when a known server answers with an older or another history of itself. */
export function forkedText(host: string, rememberedAtMs: number, waiting: number): string {
  return [
    `STOP. ${host} shows a history that contradicts the one remembered since ${dateText(rememberedAtMs)}.`,
    `Nothing was sent; ${waitingText(waiting)}. Either a backup was restored without repair, or it shows different people different things.`,
    "Reach the operator by another way. The evidence is kept: parley trust evidence export",
  ].join("\n");
}

/** Shown when the statement does not list the TLS key on the wire. */
export function relayedText(host: string, waiting: number): string {
  return [
    `STOP. ${host} proves who it is, but not that this connection ends there: its TLS key is not one it lists.`,
    `Nothing was sent; ${waitingText(waiting)}. Either the operator changed the TLS key without listing it, or somebody is between you.`,
  ].join("\n");
}

/** Shown when a contact has a new device. `place` is the entry's number in the log. */
export function newDeviceText(options: {
  /** Cleaned name, without `@`. */
  readonly name: string;
  /** Cleaned label. */
  readonly device: string;
  /** For example `by his phone`. */
  readonly addedBy: string;
  readonly place: number;
  readonly atMs: number;
}): string {
  const { name, device, addedBy, place, atMs } = options;
  return `@${name} got a new device "${device}" (added ${addedBy}, log entry ${place}, ${timeText(atMs)}). Nothing to do.`;
}

/** Shown when a contact's account was recovered. */
export function accountRecoveredText(name: string, recoveredAtMs: number, nowMs: number): string {
  const day = dateText(recoveredAtMs) === dateText(nowMs) ? "today" : `on ${dateText(recoveredAtMs)}`;
  return [
    `@${name}'s account was recovered with the recovery words ${day}.`,
    `Messages wait until you check again: parley trust verify @${name}`,
  ].join(" ");
}

function waitingText(count: number): string {
  if (count === 0) return "no messages wait";
  return count === 1 ? "1 message waits" : `${count} messages wait`;
}
