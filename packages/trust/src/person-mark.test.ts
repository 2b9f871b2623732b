import fc from "fast-check";
import { expect, test } from "vitest";
import type { PersonFacts } from "./person-mark.ts";
import { MARK_STATES, personMark } from "./person-mark.ts";

const marchMs = Date.UTC(2026, 2, 2);
const check = { method: "sas-voice", atMs: marchMs, device: 1 } as const;
const stranger: PersonFacts = {
  standing: { introducer: false, distrusted: false },
  introductions: [],
  certifiers: [],
  log: { kind: "cosigned", witnesses: 2, of: 2 },
  status: "open",
};

test("says in words why, and green only for one's own check", () => {
  expect(personMark({ ...stranger, standing: { ...stranger.standing, check } })).toEqual({
    state: "checked",
    why: ["checked by you on 2 March 2026 (by emoji, voice)", "in the log, 2 of 2 witnesses"],
  });
  expect(
    personMark({
      ...stranger,
      introductions: ["Ana (voice, May)", "Bo (in person, June)"],
      certifiers: ["acme"],
    }),
  ).toEqual({
    state: "known",
    why: [
      "introduced by Ana (voice, May) and Bo (in person, June)",
      "certified by acme",
      "in the log, 2 of 2 witnesses",
    ],
  });
  expect(personMark({ ...stranger, introductions: ["A", "B", "C"], log: { kind: "included" } }).why).toEqual([
    "introduced by A, B and C",
    "in the log, no witness set",
  ]);
  expect(personMark({ ...stranger, log: { kind: "waiting", witnesses: 1, of: 2 } })).toEqual({
    state: "known",
    why: ["waits for witnesses, 1 of 2"],
  });
});

test("bad news comes first and takes the green word away", () => {
  const voidedCheck = { ...check, recoveredAtMs: Date.UTC(2026, 4, 9) };
  expect(personMark({ ...stranger, standing: { ...stranger.standing, voidedCheck } })).toEqual({
    state: "warning",
    why: ["was checked, key recovered on 9 May 2026", "in the log, 2 of 2 witnesses"],
  });
  expect(
    personMark({
      ...stranger,
      standing: { ...stranger.standing, check, distrusted: true },
      log: { kind: "missing" },
    }),
  ).toEqual({ state: "warning", why: ["distrusted by you", "not in the log"] });
  expect(personMark({ ...stranger, status: "contested" }).why[0]).toBe("account contested: check in person");
  expect(personMark({ ...stranger, status: "closed" }).state).toBe("warning");
});

test("whatever the facts: one of three states, a reason, and never green without one's own check", () => {
  const facts: fc.Arbitrary<PersonFacts> = fc.record({
    standing: fc
      .record({
        check: fc.option(fc.constant(check), { nil: undefined }),
        introducer: fc.boolean(),
        distrusted: fc.boolean(),
      })
      .map(({ check: own, ...rest }) => ({ ...rest, ...(own && { check: own }) })),
    introductions: fc.subarray(["Ana", "Bo"]),
    certifiers: fc.subarray(["acme"]),
    log: fc.constantFrom(
      { kind: "cosigned", witnesses: 1, of: 1 } as const,
      { kind: "included" } as const,
      { kind: "waiting", witnesses: 0, of: 1 } as const,
      { kind: "missing" } as const,
    ),
    status: fc.constantFrom("open" as const, "contested" as const, "closed" as const),
  });
  fc.assert(
    fc.property(facts, (some) => {
      const { state, why } = personMark(some);
      expect(MARK_STATES).toContain(state);
      expect(why.length).toBeGreaterThan(0);
      if (state === "checked") expect(some.standing.check && !some.standing.distrusted).toBe(true);
      if (some.standing.distrusted) expect(state).toBe("warning");
    }),
  );
});
