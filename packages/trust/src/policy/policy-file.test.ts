import fc from "fast-check";
import { expect, test } from "vitest";
import { formatExpression, joined } from "./expression.ts";
import { parseExpression } from "./expression-parser.ts";
import { expressions } from "./expression-samples.ts";
import { formatPolicyFile, formatRoomFloor, parsePolicyFile, parseRoomFloor } from "./policy-file.ts";
import { PRESETS, RULE_ATOMS } from "./trust-policy.ts";

const file = `# Ours.
preset = "strict"

[server]
first  = "pin | (ca & ledger)"   # the example asked for
change = "chain"

[ user ]
talk = "chain & ca(acme)"\r
[ledger]
file = "witnesses.policy"
warn = "90m"
refuse = "2d"
`;

test("a file says what differs from its preset", () => {
  const policy = parsePolicyFile(file);
  expect(formatExpression(policy.rules["server.first"])).toBe("pin | (ca & ledger)");
  expect(formatExpression(policy.rules["user.talk"])).toBe("chain & ca(acme)");
  expect(policy.rules["user.checked"]).toEqual(PRESETS.strict.rules["user.checked"]);
  expect(policy.ledger).toEqual({
    file: "witnesses.policy",
    warnAfterMs: 90 * 60_000,
    refuseAfterMs: 2 * 86_400_000,
  });
  expect(parsePolicyFile("")).toEqual(PRESETS.friends);
  expect(parsePolicyFile('preset = "lan"')).toEqual(PRESETS.lan);
});

test.each(Object.entries(PRESETS))("the preset %s prints to a file that parses to it", (_, policy) => {
  expect(parsePolicyFile(formatPolicyFile(policy))).toEqual(policy);
});

test.each([
  ['[server]\nfirst = "invite | included"', "policy-atom", 2, 19],
  ['[server]\nchange = "chain | ca"', "policy-atom", 2, 19],
  ['[user]\nchecked = "sas | vouch(3)"', "policy-atom", 2, 18],
  ['[server]\n\nfirst = ""', "policy-syntax", 3, 10],
  ['first = "invite"', "policy-syntax", 1, 1],
  ['[server]\nfirst = "ca"\nfirst = "invite"', "policy-syntax", 3, 1],
  ["[server]\n[server]", "policy-syntax", 2, 1],
  ["[group]", "policy-syntax", 1, 1],
  ["[server.first]", "policy-syntax", 1, 1],
  ["[server]\nfirst = 'invite'", "policy-syntax", 2, 1],
  ['[server]\nfirst = "inv\\u0069te"', "policy-syntax", 2, 1],
  ['[server]\nfirst = """invite"""', "policy-syntax", 2, 1],
  ["[server]\nfirst = invite", "policy-syntax", 2, 1],
  ['[server]\nfirst = "invite" x', "policy-syntax", 2, 1],
  ['[server]\n"first" = "invite"', "policy-syntax", 2, 1],
  ['preset = "none"', "policy-syntax", 1, 11],
  ['[ledger]\nwarn = "0h"', "policy-syntax", 2, 9],
  ['[ledger]\nwarn = "24"', "policy-syntax", 2, 9],
  ['[ledger]\nfile = ""', "policy-syntax", 2, 9],
  ["[ledger]\u0000", "policy-syntax", 1, 1],
  ['[user]\nfirst = "invite"', "policy-syntax", 2, 1],
])("%j is refused with %s at %i:%i", (text, code, line, column) => {
  expect(() => parsePolicyFile(text)).toThrow(expect.objectContaining({ code, data: { line, column } }));
});

test("a file that is too long is not looked at", () => {
  expect(() => parsePolicyFile(`#${"x".repeat(16 * 1024)}`)).toThrow("policy-syntax");
});

test("every policy with a text prints to a file that parses to it", () => {
  const rules = fc.record({
    "server.first": expressions(RULE_ATOMS["server.first"]),
    "server.change": expressions(RULE_ATOMS["server.change"]),
    "user.talk": expressions(RULE_ATOMS["user.talk"]),
    "user.checked": expressions(RULE_ATOMS["user.checked"]),
  });
  const minutes = fc.integer({ min: 1, max: 100_000 }).map((count) => count * 60_000);
  fc.assert(
    fc.property(rules, minutes, minutes, (rules, warnAfterMs, refuseAfterMs) => {
      fc.pre(Object.values(rules).every((rule) => formatExpression(rule).length <= 1024));
      const policy = { rules, ledger: { warnAfterMs, refuseAfterMs } };
      expect(parsePolicyFile(formatPolicyFile(policy))).toEqual(policy);
    }),
  );
});

test("a policy without a text is not printed", () => {
  const long = joined(
    "any",
    RULE_ATOMS["server.first"].flatMap((_, index) => parseExpression(`ca(${"x".repeat(63)}${index})`)),
  );
  const many = parseExpression("ca");
  const tooLong = {
    kind: "all",
    of: [long, { kind: "k-of", count: 1, of: [long, many, parseExpression(`pin | ca(${"y".repeat(64)})`)] }],
  } as const;
  const policy = { ...PRESETS.friends, rules: { ...PRESETS.friends.rules, "server.first": tooLong } };
  expect(() => formatPolicyFile(policy)).toThrow("policy-syntax");
  expect(() =>
    formatPolicyFile({ ...PRESETS.friends, ledger: { ...PRESETS.friends.ledger, file: 'a"b' } }),
  ).toThrow("policy-syntax");
});

test("a room's floor speaks of people only", () => {
  const floor = parseRoomFloor('[user]\ntalk = "chain & checked"\n');
  expect(Object.keys(floor)).toEqual(["user.talk"]);
  expect(parseRoomFloor(formatRoomFloor(floor))).toEqual(floor);
  expect(parseRoomFloor("")).toEqual({});
  expect(() => parseRoomFloor('[server]\nfirst = "ca"')).toThrow("policy-syntax");
  expect(() => parseRoomFloor('preset = "lan"')).toThrow("policy-syntax");
});
