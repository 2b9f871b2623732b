import type {
  Evidence,
  EvidenceKind,
  FirstContactPolicy,
  Invite,
  ServerPin,
  ServerVerdict,
  TrustErrorCode,
} from "@parley/trust";
import {
  cannotTellText,
  changedText,
  evaluateServer,
  forkedText,
  relayedText,
  serverCode,
  TRUST_ERROR_CODES,
  TrustError,
} from "@parley/trust";
import type { ServerTrust } from "../chat/chat.ts";
import type { Clock } from "./clock.ts";
import { ConnectionError } from "./connection.ts";
import type { ServerFacts, ServerTrustCheck } from "./relay-connection.ts";

/** Where the client remembers servers. `host` is the dialled host, with its port when that is not 443. */
export interface ServerPins {
  get(host: string): Promise<ServerPin | undefined>;
  /** Replaces what is remembered of `host`; durable when it resolves. */
  put(host: string, pin: ServerPin): Promise<void>;
}

/** What a person brings to a first contact; without effect once the server is remembered, except that it may contradict. */
export interface Introduction {
  readonly invite?: Pick<Invite, "serverId">;
  /** The server's 30 digits as typed, or its host with an exclamation mark. */
  readonly typed?: string;
  /** Found elsewhere: ledger, vouch, manual. */
  readonly evidence?: readonly Evidence[];
  /** trust's `friendsPolicy` when absent. */
  readonly policy?: FirstContactPolicy;
  /**
   * Finds out what else speaks for a server that has said hello, or against it. Asked at a first contact only;
   * `isIntroduced`: an invite or something typed speaks for it already.
   */
  readonly gather?: (
    facts: ServerFacts,
    given: { readonly isIntroduced: boolean },
  ) => Promise<GatheredEvidence>;
  /** Hears of a server that was met for the first time, before it is remembered. */
  readonly onMet?: (serverId: Uint8Array, why: readonly Evidence[]) => void;
}

/** What {@link Introduction.gather} finds. */
export interface GatheredEvidence {
  readonly evidence: readonly Evidence[];
  /** The user's own files name another server for this host: nothing outweighs that. */
  readonly isContradicted: boolean;
}

/** What {@link createServerTrustCheck} needs. */
export interface ServerTrustOptions {
  readonly pins: ServerPins;
  readonly clock: Clock;
  readonly introduction?: Introduction;
  /** Number of messages that wait to be sent, for the text that says that nothing was. */
  readonly waiting?: () => number;
  /**
   * The relay was restored from a backup: what it may have lost has to be uploaded again. Awaited before the higher
   * generation is remembered, so whoever notes it durably is told at least once.
   */
  readonly onGenerationGrew?: (generation: number) => Promise<void> | void;
}

type Refusal = Exclude<ServerVerdict, { verdict: "met" }>;

/** A server that is not believed. Its code is `not-proven`, `server-changed` or `server-rolled-back`. */
export class ServerRefusedError extends ConnectionError {
  readonly verdict: Refusal;
  /** Several lines for the person: what is wrong, that nothing was sent, and what can be done (trust.md, first-contact texts). */
  readonly text: string;

  constructor(
    code: "not-proven" | "server-changed" | "server-rolled-back",
    told: { verdict: Refusal; text: string },
  ) {
    const { reason } = told.verdict;
    super(code, (told.text.split("\n", 1)[0] ?? "").replace(/\.$/, ""), {
      cause: isTrustErrorCode(reason) ? new TrustError(reason) : undefined,
    });
    this.verdict = told.verdict;
    this.text = told.text;
  }

  /** A statement that is over, or not yet valid, is soon replaced; a key is not. */
  override get retryable(): boolean {
    return this.cause instanceof TrustError && this.cause.retryable;
  }
}

/** The check of `connectRelay` by trust's rules: a pin if there is one, else the introduction. Remembers who passes. */
export function createServerTrustCheck(options: ServerTrustOptions): ServerTrustCheck {
  return async (facts) => {
    const { pins, onGenerationGrew, introduction } = options;
    const { host } = facts.url;
    const pin = await pins.get(host);
    const verdict = await weigh(facts, options, pin);
    if (verdict.verdict !== "met") throw refused(facts, verdict, options.waiting?.() ?? 0);
    if (facts.hello.generation !== verdict.statement.generation) {
      throw new ConnectionError("not-a-relay", `${host} contradicts its own statement`);
    }
    if (!pin) introduction?.onMet?.(verdict.server.serverId, verdict.why);
    if (verdict.restored) await onGenerationGrew?.(verdict.statement.generation);
    await pins.put(host, verdict.pin);
    return describeServer(host, verdict.pin);
  };
}

async function weigh(
  facts: ServerFacts,
  { clock, introduction: { gather, onMet: _, ...introduction } = {} }: ServerTrustOptions,
  pin: ServerPin | undefined,
): Promise<ServerVerdict> {
  const { url, hello, tlsSpkiHash, tlsCertified } = facts;
  const isIntroduced = introduction.invite !== undefined || introduction.typed !== undefined;
  const gathered = pin ? undefined : await gather?.(facts, { isIntroduced });
  const certificate: readonly Evidence[] = tlsCertified ? [{ kind: "ca", detail: url.hostname }] : [];
  return evaluateServer({
    ...introduction,
    host: url.hostname,
    chain: hello.serverChain,
    statement: hello.statement,
    nowMs: clock.nowMs(),
    evidence: [...certificate, ...(introduction.evidence ?? []), ...(gathered?.evidence ?? [])],
    distrusted: gathered?.isContradicted === true,
    ...(tlsSpkiHash && { tlsSpkiHash }),
    ...(pin && { pin }),
  });
}

function refused({ url, tlsCertified }: ServerFacts, verdict: Refusal, waiting: number): ServerRefusedError {
  const { host } = url;
  if (verdict.verdict === "changed") {
    const { rememberedAtMs } = verdict.pin;
    return verdict.reason === "server-changed"
      ? new ServerRefusedError("server-changed", {
          verdict,
          text: changedText(host, rememberedAtMs, waiting),
        })
      : new ServerRefusedError("server-rolled-back", {
          verdict,
          text: forkedText(host, rememberedAtMs, waiting),
        });
  }
  const certificate = tlsCertified === undefined ? "unseen" : tlsCertified ? "valid" : "self-signed";
  const text =
    verdict.reason === "no-evidence"
      ? cannotTellText(host, certificate)
      : verdict.reason === "statement-tls-mismatch"
        ? relayedText(host, waiting)
        : `${host} ${NOT_MET[verdict.reason] ?? "cannot show that it is a Parley server"}. Nothing was sent.`;
  return new ServerRefusedError("not-proven", { verdict, text });
}

const NOT_MET: Readonly<Partial<Record<Extract<Refusal, { verdict: "not-met" }>["reason"], string>>> = {
  "invite-mismatch": "is not the server that the invite names: somebody may be between you",
  "code-mismatch":
    "is not the server whose 30 digits were typed: look for a slip, or somebody is between you",
  "code-invalid":
    "cannot be checked: what was typed is neither 30 digits nor its name with an exclamation mark",
  distrusted: "is not the server that your trust file names: somebody may be between you",
  "statement-host-mismatch": "answers as a server that does not go by this name",
  "statement-expired": "shows a statement that is over: its clock or this machine's may be wrong",
  "statement-not-yet-valid": "shows a statement from the future: its clock or this machine's may be wrong",
};

const FIRST_MET: readonly (readonly [EvidenceKind, string])[] = [
  ["invite", "pinned by the invite of"],
  ["code", "pinned by the 30 digits typed on"],
  ["manual", "pinned by your own list on"],
  ["opaque", "pinned by the password login of"],
  ["ledger", "pinned by the log that your witnesses signed on"],
  ["vouch", "pinned by a friend's word on"],
  ["unchecked", "taken unchecked on"],
];

const dateFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" });

/** What the status line says of a remembered server. */
export function describeServer(host: string, { met, rememberedAtMs, serverId }: ServerPin): ServerTrust {
  const [, how] = FIRST_MET.find(([kind]) => met.includes(kind)) ?? ["pin", "pinned on"];
  return { host, why: `${how} ${dateFormat.format(rememberedAtMs)}`, code: serverCode(serverId) };
}

function isTrustErrorCode(reason: string): reason is TrustErrorCode {
  return (TRUST_ERROR_CODES as readonly string[]).includes(reason);
}
