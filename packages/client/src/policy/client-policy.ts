import { decisionText, formatPolicyFile, parsePolicyFile } from "@parley/trust";
import type { ClientPolicy, PolicyStatus, WitnessStatus } from "../chat/chat.ts";
import { displayName } from "../chat/display-text.ts";
import type { Clock } from "../connection/clock.ts";
import type { LogWatch } from "../log/log-watch.ts";
import type { Contact } from "../rooms/account-directory.ts";
import type { ClientStore } from "../store/client-store.ts";
import type { Admission } from "./admission.ts";
import { witnessWarning } from "./admission.ts";
import { TrustSettings } from "./trust-settings.ts";

/** What there is to hold a policy against, once there is an account. */
interface Evidence {
  readonly server: { readonly host: string; readonly id: string };
  readonly watch: LogWatch;
  readonly admission: Admission;
  readonly contacts: () => Iterable<Contact>;
  readonly nowMs: () => number;
}

/** The trust policy as the chat's face shows it. */
export function clientPolicy(settings: TrustSettings, evidence?: Evidence): ClientPolicy {
  const standing = () => evidence?.watch.witnessed.standing ?? { kind: "none" };
  const warnings = (): readonly string[] => {
    if (!evidence?.watch.replica.head || !evidence.admission.needsWitnesses) return [];
    const warning = witnessWarning(standing(), evidence.nowMs());
    return warning === undefined ? [] : [warning];
  };
  const witnesses = async (): Promise<readonly WitnessStatus[]> => {
    const signed = await evidence?.watch.witnessed.signatures();
    const named = settings.witnesses?.policy.witnesses ?? [];
    return (signed ?? named.map(({ name, url }) => ({ name, url, signedAtMs: undefined }))).map(
      (witness) => ({ ...witness, name: displayName(witness.name) }),
    );
  };
  return {
    warnings,
    async status(): Promise<PolicyStatus> {
      const now = standing();
      const current = settings.currentFiles;
      return {
        server: evidence && { ...evidence.server, logKey: evidence.watch.replica.head?.vkey },
        preset: settings.preset,
        rules: formatPolicyFile(settings.policy),
        files: settings.files.map((file) => ({
          title: file.title,
          expiresAtMs: file.expiresAtMs,
          isOver: !current.includes(file),
          hosts: file.servers.map(({ host }) => host),
        })),
        quorum: settings.witnesses?.text ?? "",
        witnesses: await witnesses(),
        signed: "size" in now ? { size: now.size, atMs: now.atMs } : undefined,
        warnings: warnings(),
      };
    },
    async setPreset(preset) {
      settings.setPreset(preset);
      await evidence?.watch.judge();
    },
    async addTrustFile(note, requireSignature) {
      const { title } = await settings.addFile(note, requireSignature);
      await evidence?.watch.judge();
      return title;
    },
    test(rules) {
      const policy = parsePolicyFile(rules);
      if (!evidence) return [];
      return [...evidence.contacts()].map((contact) => {
        const decision = evidence.admission.explain(contact, policy);
        return { name: displayName(contact.name), isMet: decision.isMet, text: decisionText(decision) };
      });
    },
  };
}

/** The policy of a profile without an account: what will hold at its first contact. */
export function profilePolicy(store: ClientStore, clock: Clock): ClientPolicy {
  return clientPolicy(new TrustSettings({ store, clock }));
}
