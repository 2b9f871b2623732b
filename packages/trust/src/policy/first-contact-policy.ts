import type { Fact } from "./evaluation.ts";
import { explain } from "./evaluation.ts";
import type { Expression } from "./expression.ts";
import { ATOM_NAMES } from "./expression.ts";
import { FIRST_CONTACT_ATOMS } from "./trust-policy.ts";

/** A piece of evidence as `evaluateServer` holds it; kinds that are no atom (a decision, no evidence) do not count. */
interface HeldEvidence {
  readonly kind: string;
  readonly by?: string;
  readonly detail: string;
}

/**
 * @returns `rule` in the form that `evaluateServer` asks for. `held` is what there is, one item for each source; where
 *   it is absent, a kind that `has` knows counts as one.
 */
export function firstContactPolicy(rule: Expression) {
  return (
    has: (kind: (typeof FIRST_CONTACT_ATOMS)[number]) => boolean,
    held: readonly HeldEvidence[] = [],
  ): boolean => {
    const listed = held.filter(isFact);
    const unlisted = FIRST_CONTACT_ATOMS.filter(
      (kind) => has(kind) && !listed.some((fact) => fact.kind === kind),
    );
    return explain(rule, [...listed, ...unlisted.map((kind) => ({ kind, detail: "" }))]).holds;
  };
}

function isFact(evidence: HeldEvidence): evidence is HeldEvidence & Fact {
  return (ATOM_NAMES as readonly string[]).includes(evidence.kind);
}
