import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Fact } from "./evaluation.ts";
import { decide, decisionText, explain, FLOOR_BREACHES, metPart } from "./evaluation.ts";
import { formatExpression } from "./expression.ts";
import { parseExpression } from "./expression-parser.ts";
import { expressions, facts } from "./expression-samples.ts";

const fact = (kind: Fact["kind"], by?: string, detail = ""): Fact => ({ kind, detail, ...(by && { by }) });
const holds = (rule: string, held: readonly Fact[]) => explain(parseExpression(rule), held).holds;

test("vouches are counted by introducer, not by piece of paper", () => {
  const twice = [fact("vouch", "ana"), fact("vouch", "ana", "from another device")];
  expect(holds("vouch(1)", twice)).toBe(true);
  expect(holds("vouch(2)", twice)).toBe(false);
  expect(holds("vouch(2)", [...twice, fact("vouch", "bo")])).toBe(true);
});

test("a certifier is asked for by name, any certificate without one", () => {
  expect(holds("ca(acme)", [fact("ca", "corp")])).toBe(false);
  expect(holds("ca(acme)", [fact("ca", "acme")])).toBe(true);
  expect(holds("ca", [fact("ca", "corp")])).toBe(true);
});

test("k-of counts members", () => {
  const rule = "k-of(2, ca, ledger & pin, invite)";
  expect(holds(rule, [fact("ca"), fact("ledger")])).toBe(false);
  expect(holds(rule, [fact("ca"), fact("ledger"), fact("pin")])).toBe(true);
});

test("a cosigned entry is in the log, an entry in the log is not cosigned", () => {
  expect(holds("included", [fact("ledger")])).toBe(true);
  expect(holds("ledger", [fact("included")])).toBe(false);
});

test("T22: more evidence never lowers an answer", () => {
  fc.assert(
    fc.property(expressions(), facts, facts, (rule, some, more) => {
      expect(!explain(rule, some).holds || explain(rule, [...more, ...some]).holds).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test("T22: distrust and every other breach of the floor win over all evidence", () => {
  const breaches = fc.subarray([...FLOOR_BREACHES], { minLength: 1 });
  const everything = (["acme", "corp.example", "ana", "bo", "cy"] as const).flatMap((by) =>
    (["chain", "recovery", "pin", "invite", "code", "qr", "sas", "manual", "opaque"] as const)
      .map((kind) => fact(kind, by))
      .concat(fact("checked", by), fact("ledger", by), fact("ca", by), fact("vouch", by)),
  );
  fc.assert(
    fc.property(expressions(), breaches, (rule, broken) => {
      expect(decide(rule, everything).isMet).toBe(true);
      const decision = decide(rule, everything, broken);
      expect(decision.isMet).toBe(false);
      expect(decision.breaches).toEqual(broken);
    }),
  );
});

test("an answer says why, part by part", () => {
  const rule = parseExpression("invite | (ca & ledger) | (ca & vouch(2)) | k-of(2, pin, code, ca(acme))");
  const held = [
    fact("ca", "le", "certificate for chat.example.org, Let's Encrypt"),
    fact("ledger", "log", "log of 412 entries, cosigned 2 of 2"),
    fact("vouch", "ana", "Ana (voice, May)"),
  ];
  const decision = decide(rule, held);
  expect(metPart(decision.explanation)).toBe("(ca & ledger)");
  expect(`\n${decisionText(decision)}\n`).toBe(`
ok any of
  -- invite: no invite of it was used
  ok all of
    ok ca: certificate for chat.example.org, Let's Encrypt
    ok ledger: log of 412 entries, cosigned 2 of 2
  -- all of
    ok ca: certificate for chat.example.org, Let's Encrypt
    -- vouch(2): Ana (voice, May); 1 of 2 introducers vouch for it
  -- 2 of
    -- pin: not met before
    -- code: no code of it was typed in
    -- ca(acme): no certificate by acme
`);
  expect(decisionText(decide(parseExpression("invite"), [fact("invite")], ["distrusted"]))).toBe(
    "STOP you distrust it\nok invite",
  );
  expect(metPart(explain(parseExpression("invite"), []))).toBe("");
  expect(metPart(explain(parseExpression("invite"), [fact("invite")]))).toBe("invite");
});

interface Vector {
  readonly rule: string;
  readonly canonical: string;
  readonly facts: { readonly kind: Fact["kind"]; readonly by?: string }[];
  readonly breaches?: (typeof FLOOR_BREACHES)[number][];
  readonly isMet: boolean;
}
const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("../../../../vectors/trust/policies.json", import.meta.url), "utf8"),
);

test.each(vectors)("vector: $rule with $facts", ({ rule, canonical, facts: listed, breaches, isMet }) => {
  const expression = parseExpression(rule);
  expect(formatExpression(expression)).toBe(canonical);
  expect(
    decide(
      expression,
      listed.map((given) => ({ ...given, detail: "" })),
      breaches,
    ).isMet,
  ).toBe(isMet);
});
