import type { Chat, ClientPolicy, PolicyOutcome, PolicyStatus } from "@parley/client";
import { ChatError } from "@parley/client";
import type { Json } from "@parley/client/node";
import type { PresetName, TrustErrorCode } from "@parley/trust";
import { PRESET_NAMES, TrustError } from "@parley/trust";
import { settleConnection } from "./chat-waiting.ts";
import { asBoolean, asList, asNumber, asObject, asOptional, asText } from "./json-shape.ts";

/** Proof that the server's log forked, and the log's key, as the account knows it. */
export interface LocalEvidence {
  readonly evidence: string;
  readonly key: string;
}

/** The user's trust policy, as `parley trust` asks for it. */
export interface LocalPolicy {
  status(): Promise<PolicyStatus>;
  setPreset(preset: PresetName): Promise<void>;
  /** Takes a trust file in. Throws ChatError. @returns its title. */
  addTrustFile(request: {
    readonly note: Uint8Array;
    readonly requireSignature: readonly string[];
  }): Promise<string>;
  /** Holds everybody met against a `policy.toml`. Throws ChatError. */
  test(rules: string): Promise<readonly PolicyOutcome[]>;
  evidence(): Promise<LocalEvidence | undefined>;
}

const CONNECT_PATIENCE_MS = 5_000;

/** That of a chat that is open in this process. */
export function policyApi(chat: Chat): LocalPolicy {
  return {
    ...profilePolicyApi(chat.policy()),
    async status() {
      await settleConnection(chat, { timeoutMs: CONNECT_PATIENCE_MS });
      return chat.policy().status();
    },
    async evidence() {
      const log = chat.log();
      const [evidence, key] = [log.evidence(), log.key()];
      return evidence && key !== undefined
        ? { evidence: new TextDecoder().decode(evidence), key }
        : undefined;
    },
  };
}

/** That of a profile whose policy is all there is. */
export function profilePolicyApi(policy: ClientPolicy): LocalPolicy {
  return {
    status: () => policy.status(),
    setPreset: (preset) => policy.setPreset(preset),
    addTrustFile: ({ note, requireSignature }) => told(() => policy.addTrustFile(note, requireSignature)),
    test: (rules) => told(async () => policy.test(rules)),
    evidence: async () => undefined,
  };
}

const TRUST_TEXTS: Readonly<Partial<Record<TrustErrorCode, string>>> = {
  "trust-file-malformed": "That is no trust file",
  "trust-file-signature": "The trust file is not signed by whom it has to be",
  "trust-file-stale": "The trust file is over, from the future, or older than the one before",
  "policy-syntax": "That is no policy",
  "policy-atom": "The policy leans on something that this rule must not lean on",
};

async function told<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const text = error instanceof TrustError ? TRUST_TEXTS[error.code] : undefined;
    if (!(error instanceof TrustError) || text === undefined) throw error;
    const { line } = error.data;
    throw new ChatError("refused", line === undefined ? text : `${text} (line ${line})`);
  }
}

/** First part of the methods of the local socket that are about the policy. */
export const POLICY_METHODS = "policy/";

/** Answers an attached process. What it sends is checked before it is used. */
export async function callPolicy(
  policy: LocalPolicy,
  method: string,
  given: { readonly [key: string]: Json },
): Promise<unknown> {
  switch (method.slice(POLICY_METHODS.length)) {
    case "status":
      return policy.status();
    case "set-preset":
      return await policy.setPreset(asPreset(given["preset"]));
    case "add-trust-file":
      return policy.addTrustFile({
        note: bytesOf(asText(given["note"])),
        requireSignature: asList(given["requireSignature"]).map(asText),
      });
    case "test":
      return policy.test(asText(given["rules"]));
    case "evidence":
      return policy.evidence();
    default:
      throw new ChatError("refused", `The running Parley does not know "${method}"`);
  }
}

/** The policy of the process that has the account open. */
export function attachedPolicy(call: (method: string, params?: object) => Promise<Json>): LocalPolicy {
  const ask = (method: string, params?: object) => call(POLICY_METHODS + method, params);
  return {
    status: async () => asStatus(await ask("status")),
    setPreset: async (preset) => void (await ask("set-preset", { preset })),
    addTrustFile: async ({ note, requireSignature }) =>
      asText(await ask("add-trust-file", { note: note.toBase64(), requireSignature })),
    test: async (rules) => asList(await ask("test", { rules })).map(asOutcome),
    evidence: async () => asOptional(await ask("evidence"), asEvidence),
  };
}

function asPreset(value: Json | undefined): PresetName {
  const preset = PRESET_NAMES.find((known) => known === value);
  if (preset === undefined) throw new ChatError("refused", "There is no such preset");
  return preset;
}

function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    throw new ChatError("refused", "That is no trust file");
  }
}

function asStatus(value: Json): PolicyStatus {
  const status = asObject(value);
  const server = asOptional(status["server"], asObject);
  if (server) {
    asText(server["host"]);
    asText(server["id"]);
    asOptional(server["logKey"], asText);
  }
  asPreset(status["preset"]);
  asText(status["rules"]);
  asText(status["quorum"]);
  for (const file of asList(status["files"]).map(asObject)) {
    asText(file["title"]);
    asNumber(file["expiresAtMs"]);
    asBoolean(file["isOver"]);
    asList(file["hosts"]).map(asText);
  }
  for (const witness of asList(status["witnesses"]).map(asObject)) {
    asText(witness["name"]);
    asOptional(witness["signedAtMs"], asNumber);
  }
  asList(status["warnings"]).map(asText);
  return status as unknown as PolicyStatus;
}

function asOutcome(value: Json): PolicyOutcome {
  const { name, isMet, text } = asObject(value);
  return { name: asText(name), isMet: asBoolean(isMet), text: asText(text) };
}

function asEvidence(value: Json): LocalEvidence {
  const { evidence, key } = asObject(value);
  return { evidence: asText(evidence), key: asText(key) };
}
