import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NoteVerifier } from "./note-key.ts";
import type { PolicyGroup, PolicyWitness, QuorumRule } from "./quorum.ts";
import { isQuorumMet, measureQuorum, requireMajority } from "./quorum.ts";

const verifier: NoteVerifier = {
  name: "w",
  keyId: 0,
  publicKey: new Uint8Array(32),
  verify: async () => false,
};
const witness = (name: string): PolicyWitness => ({ kind: "witness", name, verifier });
const group = (threshold: number, members: readonly QuorumRule[]): PolicyGroup => ({
  kind: "group",
  name: "g",
  threshold,
  members,
});
const flat = (threshold: number, size: number) =>
  group(
    threshold,
    Array.from({ length: size }, (_, index) => witness(`w${index}`)),
  );
const witnessesOf = (rule: QuorumRule): PolicyWitness[] =>
  rule.kind === "witness" ? [rule] : rule.members.flatMap(witnessesOf);
const bitCount = (mask: number) => mask.toString(2).replaceAll("0", "").length;

/** The strength by trying every set of witnesses, and for forks every pair of sets. */
function measureByTrying(rule: QuorumRule) {
  const witnesses = witnessesOf(rule);
  const masks = Array.from({ length: 2 ** witnesses.length }, (_, mask) => mask);
  const meets = (mask: number) => isQuorumMet(rule, new Set(witnesses.filter((_, bit) => mask & (1 << bit))));
  const quorums = masks.filter(meets);
  const overlaps = quorums.map((a) => Math.min(...quorums.map((b) => bitCount(a & b))));
  const absences = masks.filter((away) => !meets((masks.length - 1) & ~away)).map(bitCount);
  return { liarsForFork: Math.min(...overlaps), spareWitnesses: Math.min(...absences) - 1 };
}

describe("k of n witnesses", () => {
  test.each([
    { k: 1, n: 1, liars: 1, spare: 0 },
    { k: 2, n: 2, liars: 2, spare: 0 },
    { k: 2, n: 3, liars: 1, spare: 1 },
    { k: 3, n: 4, liars: 2, spare: 1 },
    { k: 4, n: 5, liars: 3, spare: 1 },
    { k: 5, n: 7, liars: 3, spare: 2 },
    { k: 1, n: 2, liars: 0, spare: 1 },
  ])("$k of $n: a fork needs $liars liars, $spare may be away", ({ k, n, liars, spare }) => {
    const expected = { liarsForFork: liars, spareWitnesses: spare };
    expect(measureQuorum(flat(k, n))).toEqual(expected);
    expect(measureByTrying(flat(k, n))).toEqual(expected);
  });

  test("for all n up to 8: as found by trying, and refused if and only if k ≤ n/2", () => {
    for (let n = 1; n <= 8; n += 1) {
      for (let k = 1; k <= n; k += 1) {
        const rule = flat(k, n);
        const strength = measureByTrying(rule);
        expect(measureQuorum(rule)).toEqual(strength);
        if (2 * k > n) {
          expect(requireMajority(rule)).toEqual(strength);
        } else {
          expect(() => requireMajority(rule)).toThrow(expect.objectContaining({ code: "weak-quorum" }));
        }
      }
    }
  });
});

test("groups of groups are measured as found by trying", () => {
  const { rule } = fc.letrec<{ rule: QuorumRule; group: QuorumRule }>((tie) => ({
    rule: fc.oneof({ maxDepth: 2, depthIdentifier: "rule" }, fc.constant("w").map(witness), tie("group")),
    group: fc
      .tuple(fc.array(tie("rule"), { minLength: 1, maxLength: 3, depthIdentifier: "rule" }), fc.nat())
      .map(([members, pick]) => group(1 + (pick % members.length), members)),
  }));
  fc.assert(
    fc.property(rule, (any) => {
      fc.pre(witnessesOf(any).length <= 8);
      expect(measureQuorum(any)).toEqual(measureByTrying(any));
    }),
    { numRuns: 200 },
  );
});

test("no quorum is met by nobody, and refused as weak", () => {
  expect(isQuorumMet({ kind: "none" }, new Set())).toBe(true);
  expect(() => requireMajority({ kind: "none" })).toThrow(expect.objectContaining({ code: "weak-quorum" }));
});
