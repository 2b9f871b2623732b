import { bytesEqual } from "@parley/protocol";
import type { Evidence, EvidenceKind, EvidenceLine, Expression, Fact, ServerIdentity } from "@parley/trust";
import {
  ATOM_NAMES,
  explain,
  firstContactPolicy,
  firstTimeText,
  metPart,
  rememberedText,
  serverCode,
  TrustError,
  verifyServerChain,
} from "@parley/trust";
import { hashLeaf, noteVerifier, parseTlogProof, TlogError, verifyTlogProof } from "@parley/trust/tlog";
import type { Clock } from "../connection/clock.ts";
import type { ServerFacts } from "../connection/relay-connection.ts";
import type { GatheredEvidence, Introduction } from "../connection/server-trust.ts";
import type { TrustSettings } from "./trust-settings.ts";
import type { WitnessPolicy } from "./witness-policy.ts";
import { isAcceptedLog } from "./witness-policy.ts";

/** What {@link firstContactRules} needs. */
export interface FirstContactOptions {
  readonly settings: TrustSettings;
  readonly clock: Clock;
  /**
   * Gets `/log/server-chain` of the server that was dialled (docs/protocol.md §8.2), by any channel: it proves itself.
   * Undefined when it cannot be had.
   */
  readonly fetchServerChain: (url: URL) => Promise<Uint8Array | undefined>;
  /** Hears, in several lines for the person, why a server was believed at first sight. */
  readonly onMet?: ((text: string) => void) | undefined;
  /** Takes a log for the server's, whatever chain of keys is in it, so that tests can show what that would let by. */
  readonly unsafeTestingIgnoreChain?: boolean;
}

/** The user's rule for servers met for the first time, and what their trust files say of one (trust.md §A5, §A1). */
export function firstContactRules(
  options: FirstContactOptions,
): Pick<Introduction, "policy" | "gather" | "onMet"> {
  const { settings, onMet } = options;
  const rule = settings.policy.rules["server.first"];
  return {
    policy: firstContactPolicy(rule),
    onMet: (serverId, why) => onMet?.(metText(serverId, why, rule)),
    async gather(facts, { isIntroduced }): Promise<GatheredEvidence> {
      const server = await identityOf(facts);
      if (!server) return { evidence: [], isContradicted: false };
      const { named, isContradicted } = fromFiles(settings, facts.url.hostname, server);
      const { witnesses } = settings;
      const ledger = witnesses && !isIntroduced && (await fromLog(facts, server, { ...options, witnesses }));
      return { evidence: ledger ? [...named, ledger] : named, isContradicted };
    },
  };
}

/** What is missing of the evidence that a stranger can have. */
const MISSING = {
  ca: "no certificate authority of this machine vouches for the host",
  ledger: "no witness of yours knows it",
  vouch: "nobody you have checked vouches for it",
} as const;

const MET: Readonly<Partial<Record<EvidenceKind, (detail: string) => string>>> = {
  ca: (host) => `certificate for ${host}`,
  manual: (title) => `named by your trust file ${title}`,
  code: () => "its 30 digits were typed",
  unchecked: () => "its name was typed with an exclamation mark: nothing was checked",
};

function isFact(evidence: Evidence): evidence is Evidence & Fact {
  return (ATOM_NAMES as readonly string[]).includes(evidence.kind);
}

/** The code, what spoke for the server, and which part of the rule was met by it (trust.md, first-contact texts). */
function metText(serverId: Uint8Array, why: readonly Evidence[], rule: Expression): string {
  const has = (kind: EvidenceKind) => why.some((evidence) => evidence.kind === kind);
  const missing = (["ca", "ledger", "vouch"] as const).filter((kind) => !has(kind));
  const lines: EvidenceLine[] = [
    ...why.map(({ kind, detail }) => ({ kind, met: true, detail: MET[kind]?.(detail) ?? detail })),
    ...missing.map((kind) => ({ kind, met: false, detail: MISSING[kind] })),
  ];
  const first = firstTimeText(serverCode(serverId), lines);
  const part = metPart(explain(rule, why.filter(isFact)));
  return part === "" ? first : `${first}\n${rememberedText(part)}`;
}

/** Undefined for a chain that does not hold: nothing can speak for that. */
async function identityOf({ hello }: ServerFacts): Promise<ServerIdentity | undefined> {
  try {
    return await verifyServerChain(hello.serverChain);
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

function fromFiles(settings: TrustSettings, host: string, { serverId }: ServerIdentity) {
  const named: Evidence[] = [];
  let others = 0;
  for (const { title, servers } of settings.currentFiles) {
    for (const listed of servers) {
      if (listed.host !== host) continue;
      if (bytesEqual(listed.serverId, serverId)) named.push({ kind: "manual", by: title, detail: title });
      else others += 1;
    }
  }
  return { named, isContradicted: named.length === 0 && others > 0 };
}

/**
 * Three checks: a fresh checkpoint that meets the quorum, of a log whose origin is the dialled host; the server's whole
 * chain is in that log; and the hello is signed by the head of that chain, which `evaluateServer` sees to. The true
 * checkpoint is public, so that the first proves nothing without the others.
 */
async function fromLog(
  { url, hello }: ServerFacts,
  { meta }: ServerIdentity,
  { settings, clock, witnesses, ...options }: FirstContactOptions & { readonly witnesses: WitnessPolicy },
): Promise<Evidence | undefined> {
  const { logKey = "" } = meta;
  if (originHost(logKey) !== url.hostname || !isAcceptedLog(witnesses, logKey)) return undefined;
  const page = await options.fetchServerChain(url);
  if (!page) return undefined;
  const nowMs = clock.nowMs();
  let sizes: readonly number[] = [];
  try {
    const proofs = splitProofs(page);
    for (const [place, entry] of hello.serverChain.entries()) {
      const bytes = proofs[place] ?? new Uint8Array(0);
      const leaf = options.unsafeTestingIgnoreChain ? leafOf(bytes) : hashLeaf(entry);
      const { verdict } = await verifyTlogProof({
        bytes,
        leaf,
        policy: witnesses.policy,
        nowSeconds: Math.floor(nowMs / 1000),
        log: noteVerifier(logKey),
      });
      const ageMs = nowMs - (verdict.quorumTimeSeconds ?? 0) * 1000;
      if (ageMs >= settings.policy.ledger.refuseAfterMs) return undefined;
      sizes = [...sizes, verdict.checkpoint.size];
    }
  } catch (error) {
    if (error instanceof TlogError) return undefined;
    throw error;
  }
  const detail = `log of ${Math.min(...sizes)} entries, signed by ${witnesses.text} of your witnesses`;
  return { kind: "ledger", by: logKey, detail };
}

/** The host in a log's origin, `HOST/PATH`; undefined when the server names no log. */
function originHost(logKey: string): string | undefined {
  try {
    return noteVerifier(logKey).name.split("/", 1)[0];
  } catch (error) {
    if (error instanceof TlogError) return undefined;
    throw error;
  }
}

/** Proofs are divided by a line with `%`, which no proof has. */
function splitProofs(page: Uint8Array): readonly Uint8Array[] {
  const encoder = new TextEncoder();
  return new TextDecoder()
    .decode(page)
    .split(/^%\n/m)
    .map((text) => encoder.encode(text));
}

function leafOf(proof: Uint8Array): Uint8Array {
  return hashLeaf(parseTlogProof(proof).extra ?? new Uint8Array(0));
}
