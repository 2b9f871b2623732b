// C2SP tlog-policy: https://c2sp.org/tlog-policy

import type { OpenedCheckpoint } from "./checkpoint.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { cosignatureTimeSeconds, cosignatureVerifier } from "./cosignature.ts";
import type { Ed25519 } from "./ed25519.ts";
import { webCryptoEd25519 } from "./ed25519.ts";
import { decodeDecimal, decodeUtf8 } from "./encoding.ts";
import { TlogError } from "./errors.ts";
import type { NoteVerifier } from "./note-key.ts";
import { isSamePublicKey, noteVerifier } from "./note-key.ts";
import type { NoQuorum, PolicyWitness, QuorumRule } from "./quorum.ts";
import { isQuorumMet } from "./quorum.ts";

/** Longest policy file accepted, in bytes. */
export const MAX_POLICY_BYTES = 65_536;
/** Most logs, witnesses and groups, each, in one policy. */
export const MAX_POLICY_NAMES = 128;
/** How far ahead of the caller's clock a cosignature may be dated and still count, in seconds. */
export const MAX_CLOCK_SKEW_SECONDS = 300;

/** A log accepted by a policy; its key's name is its origin. */
export interface PolicyLog {
  readonly verifier: NoteVerifier;
  readonly url?: string;
}

/** A parsed policy. `witnesses` lists all that are defined, in file order, in the quorum or not. */
export interface Policy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly quorum: QuorumRule | NoQuorum;
}

/** What a policy says of one checkpoint, whose log signature is good. */
export interface PolicyVerdict {
  /** True when the quorum is met. False is no error: the checkpoint may be cosigned later. */
  readonly isMet: boolean;
  readonly checkpoint: OpenedCheckpoint;
  /** The witnesses counted, each with the latest time it signed, in POSIX seconds. */
  readonly cosigned: ReadonlyMap<PolicyWitness, number>;
  /**
   * The latest time at which a whole quorum had cosigned, in POSIX seconds; undefined when it is not met or is
   * `none`. A stale log shows here, and a single witness with a wrong clock cannot make it look fresh.
   */
  readonly quorumTimeSeconds?: number;
}

/**
 * Reads a policy file. A last line without newline is accepted. Log keys must be of type 0x01, witness keys 0x04.
 * Throws `malformed-policy` with the line number. A weak quorum is not an error here: see `requireMajority`.
 */
export function parsePolicy(bytes: Uint8Array, ed25519: Ed25519 = webCryptoEd25519): Policy {
  if (bytes.length > MAX_POLICY_BYTES) throw new TlogError("malformed-policy", "the policy is too long");
  const lines = Array.from(bytes, (octet) => String.fromCharCode(octet))
    .join("")
    .split("\n");
  const parser = new PolicyParser(ed25519);
  for (const [index, line] of lines.entries()) {
    try {
      parser.readLine(line);
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      throw new TlogError("malformed-policy", `line ${index + 1}: ${error.message}`, { line: index + 1 });
    }
  }
  return parser.finish();
}

/**
 * Judges a signed checkpoint. It must be signed by a log of the policy whose key name is the checkpoint's origin, or
 * by `log` if given (for policies that list none). Cosignatures dated more than {@link MAX_CLOCK_SKEW_SECONDS} after
 * `nowSeconds` are not counted.
 *
 * Throws `unknown-log`, `not-signed`, `bad-signature`, `ambiguous-key`, `malformed-note`, `malformed-checkpoint`.
 */
export async function evaluatePolicy(options: {
  readonly policy: Policy;
  readonly checkpoint: Uint8Array;
  readonly nowSeconds: number;
  readonly log?: NoteVerifier;
}): Promise<PolicyVerdict> {
  const { policy, nowSeconds, log } = options;
  const logs = log === undefined ? policy.logs.map(({ verifier }) => verifier) : [log];
  const witnesses = new Map(policy.witnesses.map((witness) => [witness.verifier, witness]));
  const checkpoint = await openCheckpoint(options.checkpoint, [...logs, ...witnesses.keys()]);

  const ownLogs = new Set(logs.filter(({ name }) => name === checkpoint.origin));
  if (ownLogs.size === 0) throw new TlogError("unknown-log", "the policy does not list the checkpoint's log");
  if (!checkpoint.note.verified.some(({ verifier }) => ownLogs.has(verifier))) {
    throw new TlogError("not-signed", "the log did not sign the checkpoint");
  }

  const cosigned = new Map<PolicyWitness, number>();
  for (const signature of checkpoint.note.verified) {
    const witness = witnesses.get(signature.verifier);
    if (witness === undefined) continue;
    const timeSeconds = cosignatureTimeSeconds(signature);
    if (timeSeconds > nowSeconds + MAX_CLOCK_SKEW_SECONDS) continue;
    cosigned.set(witness, Math.max(timeSeconds, cosigned.get(witness) ?? 0));
  }
  const isMet = isQuorumMet(policy.quorum, new Set(cosigned.keys()));
  const quorumTimeSeconds = isMet ? findQuorumTime(policy.quorum, cosigned) : undefined;
  const verdict = { isMet, checkpoint, cosigned };
  return quorumTimeSeconds === undefined ? verdict : { ...verdict, quorumTimeSeconds };
}

function findQuorumTime(
  quorum: QuorumRule | NoQuorum,
  cosigned: ReadonlyMap<PolicyWitness, number>,
): number | undefined {
  if (quorum.kind === "none") return undefined;
  const counted = new Set<PolicyWitness>();
  for (const [witness, timeSeconds] of [...cosigned].toSorted(([, a], [, b]) => b - a)) {
    counted.add(witness);
    if (isQuorumMet(quorum, counted)) return timeSeconds;
  }
  return undefined;
}

// Works on a string of octets (one per character), as names are opaque octets; keys and texts to show are decoded.
class PolicyParser {
  readonly #ed25519: Ed25519;
  readonly #logs: PolicyLog[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  readonly #rules = new Map<string, QuorumRule>();
  readonly #members = new Set<string>();
  #quorum: QuorumRule | NoQuorum | undefined;

  constructor(ed25519: Ed25519) {
    this.#ed25519 = ed25519;
  }

  readLine(line: string): void {
    if (/[^\t\x20-\x7e\x80-\xff]/.test(line)) throw malformed("control character");
    const [keyword, ...items] = line.split(/[\t ]+/).filter((item) => item !== "");
    if (keyword === undefined || keyword.startsWith("#")) return;
    switch (keyword) {
      case "log":
        this.#readLog(items);
        break;
      case "witness":
        this.#readWitness(items);
        break;
      case "group":
        this.#readGroup(items);
        break;
      case "quorum":
        this.#readQuorum(items);
        break;
      default:
        throw malformed("neither log, witness, group nor quorum");
    }
  }

  finish(): Policy {
    if (this.#quorum === undefined) throw malformed("the policy has no quorum line");
    return { logs: this.#logs, witnesses: this.#witnesses, quorum: this.#quorum };
  }

  #readLog([vkey, url, ...rest]: readonly string[]): void {
    if (vkey === undefined || rest.length > 0) throw malformed("a log line is: log <vkey> [<url>]");
    const verifier = noteVerifier(decodeKey(vkey), this.#ed25519);
    if (this.#logs.some((log) => isSamePublicKey(log.verifier, verifier))) throw malformed("duplicate log");
    if (this.#logs.length === MAX_POLICY_NAMES) throw malformed("too many logs");
    this.#logs.push(url === undefined ? { verifier } : { verifier, url: display(url) });
  }

  #readWitness([name, vkey, url, ...rest]: readonly string[]): void {
    if (name === undefined || vkey === undefined || rest.length > 0) {
      throw malformed("a witness line is: witness <name> <vkey> [<url>]");
    }
    const verifier = cosignatureVerifier(decodeKey(vkey), this.#ed25519);
    if (this.#witnesses.some((witness) => isSamePublicKey(witness.verifier, verifier))) {
      throw malformed("duplicate witness");
    }
    const named = { kind: "witness", name: display(name), verifier } as const;
    const witness = url === undefined ? named : { ...named, url: display(url) };
    this.#define(name, witness);
    this.#witnesses.push(witness);
  }

  #readGroup([name, count, ...memberNames]: readonly string[]): void {
    if (name === undefined || count === undefined || memberNames.length === 0) {
      throw malformed("a group line is: group <name> all|any|<k> <name>...");
    }
    const members = memberNames.map((member) => this.#join(member));
    const threshold = readThreshold(count, members.length);
    this.#define(name, { kind: "group", name: display(name), threshold, members });
  }

  #readQuorum([name, ...rest]: readonly string[]): void {
    if (name === undefined || rest.length > 0) throw malformed("a quorum line is: quorum <name>|none");
    if (this.#quorum !== undefined) throw malformed("a second quorum line");
    this.#quorum = name === "none" ? { kind: "none" } : this.#find(name);
  }

  #define(name: string, rule: QuorumRule): void {
    if (name === "none" || this.#rules.has(name)) throw malformed("the name is taken");
    if (this.#rules.size === 2 * MAX_POLICY_NAMES) throw malformed("too many witnesses and groups");
    this.#rules.set(name, rule);
  }

  #find(name: string): QuorumRule {
    const rule = this.#rules.get(name);
    if (rule === undefined) throw malformed("a name that no line above defines");
    return rule;
  }

  #join(name: string): QuorumRule {
    const rule = this.#find(name);
    if (this.#members.has(name)) throw malformed("a name that is already a group's member");
    this.#members.add(name);
    return rule;
  }
}

function readThreshold(count: string, members: number): number {
  if (count === "any") return 1;
  if (count === "all") return members;
  const threshold = decodeDecimal(count);
  if (threshold === undefined || threshold < 1 || threshold > members) {
    throw malformed("a group's number is 1 to the number of its members");
  }
  return threshold;
}

function decodeKey(octets: string): string {
  const key = decodeUtf8(toBytes(octets));
  if (key === undefined) throw malformed("the key is not UTF-8");
  return key;
}

function display(octets: string): string {
  return new TextDecoder().decode(toBytes(octets));
}

function toBytes(octets: string): Uint8Array {
  return Uint8Array.from(octets, (character) => character.charCodeAt(0));
}

function malformed(message: string): TlogError {
  return new TlogError("malformed-policy", message);
}
