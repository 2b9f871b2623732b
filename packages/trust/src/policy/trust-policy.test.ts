import fc from "fast-check";
import { expect, test } from "vitest";
import { EVIDENCE_KINDS, friendsPolicy, strictPolicy } from "../evidence.ts";
import { decide, explain } from "./evaluation.ts";
import type { Expression } from "./expression.ts";
import { atomsOf, formatExpression } from "./expression.ts";
import { parseExpression } from "./expression-parser.ts";
import { expressions, facts } from "./expression-samples.ts";
import { firstContactPolicy } from "./first-contact-policy.ts";
import type { TrustPolicy } from "./trust-policy.ts";
import { meet, PRESETS, RULE_ATOMS, RULE_NAMES, talkRule, underFloor } from "./trust-policy.ts";

const policies: fc.Arbitrary<TrustPolicy> = fc
  .record({
    "server.first": expressions(RULE_ATOMS["server.first"]),
    "server.change": expressions(RULE_ATOMS["server.change"]),
    "user.talk": expressions(RULE_ATOMS["user.talk"]),
    "user.checked": expressions(RULE_ATOMS["user.checked"]),
  })
  .chain((rules) =>
    fc
      .record({ warnAfterMs: fc.nat(), refuseAfterMs: fc.nat() })
      .map((ledger): TrustPolicy => ({ rules, ledger })),
  );

test("the presets are those of the design", () => {
  const texts = (policy: TrustPolicy) => RULE_NAMES.map((name) => formatExpression(policy.rules[name]));
  const checked = "invite | code | qr | sas | manual";
  expect(texts(PRESETS.friends)).toEqual([
    "invite | code | manual | opaque | (ca & ledger) | (ca & vouch(1)) | vouch(2)",
    "chain | recovery",
    "chain & ledger",
    checked,
  ]);
  expect(texts(PRESETS.strict)).toEqual([
    "invite | code | manual",
    "chain | recovery",
    "chain & checked & ledger",
    checked,
  ]);
  expect(texts(PRESETS.lan)[2]).toBe("chain & included");
});

test("T22: under a room's floor nobody is let in whom the floor or the member would refuse", () => {
  fc.assert(
    fc.property(policies, policies, facts, (own, room, held) => {
      const floor = { "user.talk": room.rules["user.talk"], "user.checked": room.rules["user.checked"] };
      const both = underFloor(own, floor);
      for (const name of ["user.talk", "user.checked"] as const) {
        const strict = explain(both.rules[name], held).holds;
        const each = explain(own.rules[name], held).holds && explain(floor[name], held).holds;
        expect(strict).toBe(each);
      }
      expect(both.rules["server.first"]).toEqual(own.rules["server.first"]);
      expect(underFloor(own, {}).rules).toEqual(own.rules);
    }),
  );
});

test("T22: no policy, of a group or a file, lets through what is distrusted", () => {
  fc.assert(
    fc.property(policies, policies, facts, (a, b, held) => {
      const both = meet(a, b);
      for (const name of RULE_NAMES) expect(decide(both.rules[name], held, ["distrusted"]).isMet).toBe(false);
    }),
  );
});

test("meeting is the same from both sides, and with oneself changes nothing", () => {
  fc.assert(
    fc.property(policies, policies, facts, (a, b, held) => {
      const answers = (policy: TrustPolicy) =>
        RULE_NAMES.map((name) => explain(policy.rules[name], held).holds);
      expect(answers(meet(a, b))).toEqual(answers(meet(b, a)));
      expect(meet(a, a)).toEqual(a);
      expect(meet(a, b).ledger).toEqual(meet(b, a).ledger);
    }),
  );
});

test("the shorter freshness counts, and a file of witnesses is not lost", () => {
  const own = { ...PRESETS.friends, ledger: { warnAfterMs: 9, refuseAfterMs: 5 } };
  const other = { ...PRESETS.friends, ledger: { warnAfterMs: 3, refuseAfterMs: 7, file: "w.policy" } };
  expect(meet(own, other).ledger).toEqual({ warnAfterMs: 3, refuseAfterMs: 5, file: "w.policy" });
});

test("without a witness, included stands in for the ledger, and only when talking", () => {
  expect(formatExpression(talkRule(PRESETS.strict, "none"))).toBe("chain & checked & included");
  expect(talkRule(PRESETS.strict, "set")).toEqual(PRESETS.strict.rules["user.talk"]);
  expect(RULE_ATOMS["server.first"]).not.toContain("included");
});

test("a certificate or a log alone never replaces a pin, and never makes somebody checked", () => {
  for (const word of ["ca", "ledger", "vouch(2)", "included"]) {
    for (const name of ["server.change", "user.checked"] as const) {
      expect(() => parseExpression(word, RULE_ATOMS[name])).toThrow("policy-atom");
    }
  }
});

test("at a first contact two vouches are two introducers", () => {
  const vouch = (by: string) => ({ kind: "vouch", by, detail: "" }) as const;
  const has = (kind: string) => kind === "vouch";
  expect(friendsPolicy(has, [vouch("ana"), vouch("ana")])).toBe(false);
  expect(friendsPolicy(has, [vouch("ana"), vouch("bo")])).toBe(true);
  expect(strictPolicy(has, [vouch("ana"), vouch("bo")])).toBe(false);
  expect(friendsPolicy((kind) => kind === "vouch" || kind === "ca")).toBe(true);
  expect(friendsPolicy(has)).toBe(false);
});

test("T22: at a first contact more evidence never lowers, and going on unchecked is no evidence", () => {
  const kinds = fc.subarray([...EVIDENCE_KINDS]);
  const rules: fc.Arbitrary<Expression> = expressions(RULE_ATOMS["server.first"]);
  fc.assert(
    fc.property(rules, kinds, kinds, (rule, some, more) => {
      const policy = firstContactPolicy(rule);
      const answer = (set: readonly string[]) =>
        policy(
          (kind) => set.includes(kind),
          EVIDENCE_KINDS.filter((kind) => set.includes(kind)).map((kind) => ({ kind, detail: "" })),
        );
      expect(!answer(some) || answer([...some, ...more])).toBe(true);
      expect(answer(["unchecked"])).toBe(false);
      expect(atomsOf(rule).has("chain")).toBe(false);
    }),
  );
});
