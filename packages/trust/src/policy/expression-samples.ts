// Random rules and facts for property tests.

import fc from "fast-check";
import type { Fact } from "./evaluation.ts";
import type { AtomName, Expression } from "./expression.ts";
import { ATOM_NAMES, formatExpression, joined } from "./expression.ts";

/** Rules of atoms from `names`, a few levels deep. */
export function expressions(names: readonly AtomName[] = ATOM_NAMES): fc.Arbitrary<Expression> {
  const atom: fc.Arbitrary<Expression> = fc.constantFrom(...names).chain((name): fc.Arbitrary<Expression> => {
    if (name === "vouch")
      return fc.integer({ min: 1, max: 3 }).map((count) => ({ kind: "atom", name, count }));
    if (name !== "ca") return fc.constant({ kind: "atom", name });
    return fc
      .constantFrom(undefined, "acme", "corp.example")
      .map((certifier) => ({ kind: "atom", name, ...(certifier !== undefined && { certifier }) }));
  });
  const { rule } = fc.letrec<{ rule: Expression; group: Expression }>((tie) => ({
    rule: fc.oneof({ maxDepth: 3, depthIdentifier: "rule" }, atom, tie("group")),
    group: fc
      .tuple(fc.constantFrom("any", "all", "k-of"), fc.array(tie("rule"), { minLength: 2, maxLength: 4 }))
      .chain(([kind, of]): fc.Arbitrary<Expression> => {
        if (kind !== "k-of") return fc.constant(joined(kind, of));
        const distinct = [...new Map(of.map((member) => [formatExpression(member), member])).values()];
        return fc
          .integer({ min: 1, max: distinct.length })
          .map((count) => ({ kind: "k-of", count, of: distinct }));
      }),
  }));
  return rule;
}

/** Facts of all kinds, from a few sources. */
export const facts: fc.Arbitrary<Fact[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...ATOM_NAMES),
    by: fc.constantFrom("acme", "corp.example", "ana", "bo", "cy"),
    detail: fc.constant(""),
  }),
  { maxLength: 8 },
);
