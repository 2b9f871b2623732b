import fc from "fast-check";
import { expect, test } from "vitest";
import { allOf, atomsOf, formatExpression, replaceAtom } from "./expression.ts";
import { MAX_RULE_CHARACTERS, parseExpression } from "./expression-parser.ts";
import { expressions } from "./expression-samples.ts";

test.each([
  ["invite", "invite"],
  [" invite|code ", "invite | code"],
  ["ca & ledger | vouch( 2 )", "(ca & ledger) | vouch(2)"],
  ["ca & (ledger | vouch(1))", "ca & (ledger | vouch(1))"],
  ["((ca))", "ca"],
  ["ca & (ledger & invite)", "ca & ledger & invite"],
  ["ca(acme.corp) | ca | ca", "ca(acme.corp) | ca"],
  ["k-of(2,ca,ledger&pin,k-of(1,invite))", "k-of(2, ca, ledger & pin, k-of(1, invite))"],
  ["pin | (ca & ledger)", "pin | (ca & ledger)"],
])("%s is printed %s", (text, canonical) => {
  expect(formatExpression(parseExpression(text))).toBe(canonical);
  expect(formatExpression(parseExpression(canonical))).toBe(canonical);
});

test.each([
  ["", "policy-syntax", 1],
  ["   ", "policy-syntax", 4],
  ["|", "policy-syntax", 1],
  ["ca |", "policy-syntax", 5],
  ["ca ledger", "policy-syntax", 4],
  ["(ca", "policy-syntax", 4],
  ["ca)", "policy-syntax", 3],
  ["!ca", "policy-syntax", 1],
  ["ca & not", "policy-atom", 6],
  ["CA", "policy-syntax", 1],
  ["vouch", "policy-syntax", 6],
  ["vouch(0)", "policy-syntax", 7],
  ["vouch(17)", "policy-syntax", 7],
  ["vouch(01)", "policy-syntax", 7],
  ["ca()", "policy-syntax", 4],
  ["ca(-x)", "policy-syntax", 4],
  ["invite(2)", "policy-syntax", 7],
  ["k-of", "policy-syntax", 5],
  ["k-of(1)", "policy-syntax", 6],
  ["k-of(3, ca, pin)", "policy-syntax", 6],
  ["k-of(2, ca, ca)", "policy-syntax", 1],
  ["k-of(2, ca, (ca))", "policy-syntax", 1],
  ["ca & ü", "policy-syntax", 6],
])("%s is refused with %s at %i", (text, code, column) => {
  expect(() => parseExpression(text)).toThrow(expect.objectContaining({ code, data: { column } }));
});

test("a rule's size is bounded in length, depth and width", () => {
  expect(() => parseExpression(`ca${" ".repeat(MAX_RULE_CHARACTERS)}`)).toThrow("policy-syntax");
  expect(() => parseExpression(`${"(".repeat(18)}ca${")".repeat(18)}`)).toThrow("policy-syntax");
  expect(() => parseExpression(Array(33).fill("ca").join("|"))).toThrow("policy-syntax");
});

test("only the rule's own words are taken", () => {
  expect(() => parseExpression("chain & ca", ["chain"])).toThrow(
    expect.objectContaining({ code: "policy-atom", data: { column: 9 } }),
  );
});

test("every rule prints to a text that parses to it", () => {
  fc.assert(
    fc.property(expressions(), (rule) => {
      const text = formatExpression(rule);
      fc.pre(text.length <= MAX_RULE_CHARACTERS);
      expect(parseExpression(text)).toEqual(rule);
    }),
  );
});

test("joining and replacing keep the form canonical", () => {
  const rule = parseExpression("chain & (ledger | included)");
  expect(formatExpression(replaceAtom(rule, "ledger", "included"))).toBe("chain & included");
  expect(formatExpression(allOf([rule, parseExpression("chain & ca")]))).toBe(
    "chain & (ledger | included) & ca",
  );
  expect(atomsOf(rule)).toEqual(new Set(["chain", "ledger", "included"]));
  fc.assert(
    fc.property(expressions(), expressions(), (a, b) => {
      const both = allOf([a, b]);
      fc.pre(formatExpression(both).length <= MAX_RULE_CHARACTERS);
      expect(parseExpression(formatExpression(both))).toEqual(both);
    }),
  );
});
