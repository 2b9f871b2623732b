import { isDeepStrictEqual } from "node:util";
import type { DeviceAddress } from "@parley/protocol";
import { idText } from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CommitChanges, Member } from "../mls/index.ts";
import type { RosterChange } from "./authorization.ts";
import { authorizeCommit, NotAuthorised } from "./authorization.ts";
import type { RoomPolicy, RoomRole } from "./policy.ts";
import { decodePolicy, effectiveRoles, encodePolicy, ROLES } from "./policy.ts";

/** A test identity is [account, device]. */
const addressOf = (identity: Uint8Array): DeviceAddress => ({
  account: new Uint8Array(32).fill(identity[0] as number),
  device: identity[1] as number,
});
const leaf = (leafIndex: number, account: number, device = 1): Member => ({
  leafIndex,
  identity: Uint8Array.of(account, device),
  signatureKey: new Uint8Array(32),
});
const account = (n: number) => new Uint8Array(32).fill(n);

const OWNER = leaf(0, 1);
const ADMIN = leaf(1, 2);
const MEMBER = leaf(2, 3);
const OTHER = leaf(3, 4);
const OTHER_ADMIN = leaf(4, 5);
const ROOM = [OWNER, ADMIN, MEMBER, OTHER, OTHER_ADMIN];
const STRANGER = leaf(9, 77);
const GRANTS: readonly (readonly [number, RoomRole])[] = [
  [1, "owner"],
  [2, "admin"],
  [5, "admin"],
];

function policy(change: Partial<RoomPolicy> = {}): Uint8Array {
  const roles = GRANTS.map(([n, role]) => ({ account: account(n), role }));
  return encodePolicy({ direct: false, addRole: "member", roles, keepMs: 0, ...change });
}

const by = (member: Member, proposer: Member) => ({ ...member, proposer: proposer.leafIndex });

interface Case extends Partial<Omit<CommitChanges, "committer">> {
  readonly told?: RosterChange;
}

function judge(committer: Member, { told, ...change }: Case): string {
  const changes: CommitChanges = {
    epoch: 1n,
    external: false,
    committer,
    added: [],
    removed: [],
    updated: undefined,
    policy: undefined,
    policyProposer: undefined,
    membersBefore: ROOM,
    policyBefore: policy(),
    ...change,
  };
  const devices = (members: readonly Member[]) => members.map(({ identity }) => addressOf(identity));
  try {
    authorizeCommit(
      changes,
      told ?? { added: devices(changes.added), removed: devices(changes.removed) },
      addressOf,
    );
    return "allowed";
  } catch (error) {
    if (error instanceof NotAuthorised) return error.message;
    throw error;
  }
}

describe("removing", () => {
  const NO = "may not remove this member";
  test.each([
    ["owner", OWNER, MEMBER, "allowed"],
    ["owner", OWNER, ADMIN, "allowed"],
    ["admin", ADMIN, MEMBER, "allowed"],
    ["admin", ADMIN, OTHER_ADMIN, NO],
    ["admin", ADMIN, OWNER, NO],
    ["member", MEMBER, OTHER, NO],
    ["member", MEMBER, ADMIN, NO],
    ["member", MEMBER, OWNER, NO],
  ] as const)("by an %s (%#)", (_, committer, gone, verdict) => {
    expect(judge(committer, { removed: [by(gone, committer)] })).toBe(verdict);
  });

  test("an owner may remove another owner", () => {
    const roles = [1, 2].map((n) => ({ account: account(n), role: "owner" as const }));
    expect(judge(OWNER, { removed: [by(ADMIN, OWNER)], policyBefore: policy({ roles }) })).toBe("allowed");
  });

  test("anybody may commit a removal that the leaver proposed", () => {
    expect(judge(MEMBER, { removed: [by(OWNER, OWNER)] })).toBe("allowed");
  });

  test("it is the proposer's role that counts, not the committer's", () => {
    expect(judge(OWNER, { removed: [by(OTHER, MEMBER)] })).toBe(NO);
    expect(judge(MEMBER, { removed: [by(OTHER, ADMIN)] })).toBe("allowed");
    expect(judge(OWNER, { removed: [by(OTHER, STRANGER)] })).toBe(NO);
  });

  test("anyone may remove other devices of their own account, and of no other", () => {
    const second = leaf(5, 3, 2);
    const membersBefore = [...ROOM, second];
    expect(judge(MEMBER, { membersBefore, removed: [by(second, MEMBER)] })).toBe("allowed");
    expect(judge(OTHER, { membersBefore, removed: [by(second, OTHER)] })).toBe(NO);
  });

  test("heirs of the ownership act as owners", () => {
    const membersBefore = [ADMIN, MEMBER, OTHER, OTHER_ADMIN];
    expect(judge(ADMIN, { membersBefore, removed: [by(OTHER_ADMIN, ADMIN)] })).toBe("allowed");
    const plain = [MEMBER, OTHER];
    expect(judge(MEMBER, { membersBefore: plain, removed: [by(OTHER, MEMBER)] })).toBe("allowed");
    expect(judge(OTHER, { membersBefore: plain, removed: [by(MEMBER, OTHER)] })).toBe(NO);
  });
});

describe("adding", () => {
  const NO = "may not add people";
  test.each([
    ["member", MEMBER, "allowed"],
    ["admin", MEMBER, NO],
    ["admin", ADMIN, "allowed"],
    ["owner", ADMIN, NO],
    ["owner", OWNER, "allowed"],
  ] as const)("needs addRole %s (%#)", (addRole, committer, verdict) => {
    expect(judge(committer, { added: [by(STRANGER, committer)], policyBefore: policy({ addRole }) })).toBe(
      verdict,
    );
  });

  test("it is the proposer's role that counts", () => {
    const policyBefore = policy({ addRole: "admin" });
    expect(judge(OWNER, { added: [by(STRANGER, MEMBER)], policyBefore })).toBe(NO);
    expect(judge(MEMBER, { added: [by(STRANGER, ADMIN)], policyBefore })).toBe("allowed");
  });

  test("any member may add a further device of an account that is in the room", () => {
    const policyBefore = policy({ addRole: "owner" });
    expect(judge(MEMBER, { added: [by(leaf(9, 4, 2), MEMBER)], policyBefore })).toBe("allowed");
  });

  test("a device has one leaf", () => {
    const NO_TWIN = "adds a device that is there already";
    const twin = leaf(9, 4);
    expect(judge(OWNER, { added: [by(twin, OWNER)] })).toBe(NO_TWIN);
    expect(judge(OWNER, { added: [by(twin, OWNER)], removed: [by(OTHER, OWNER)] })).toBe("allowed");
    expect(judge(OWNER, { added: [by(STRANGER, OWNER), by(leaf(10, 77), OWNER)] })).toBe(NO_TWIN);
    expect(
      judge(OWNER, { added: [by(twin, OWNER), by(leaf(10, 4), OWNER)], removed: [by(OTHER, OWNER)] }),
    ).toBe(NO_TWIN);
  });
});

describe("a direct room", () => {
  const policyBefore = policy({ direct: true });
  const two = [OWNER, MEMBER];
  const NO = "a direct room stays one of two people";

  test("takes a second person and their devices, and never a third", () => {
    expect(judge(OWNER, { membersBefore: [OWNER], policyBefore, added: [by(MEMBER, OWNER)] })).toBe(
      "allowed",
    );
    expect(judge(OWNER, { membersBefore: two, policyBefore, added: [by(leaf(9, 3, 2), OWNER)] })).toBe(
      "allowed",
    );
    expect(judge(OWNER, { membersBefore: two, policyBefore, added: [by(STRANGER, OWNER)] })).toBe(NO);
    expect(
      judge(OWNER, {
        membersBefore: two,
        policyBefore,
        added: [by(STRANGER, OWNER)],
        removed: [by(MEMBER, OWNER)],
      }),
    ).toBe(NO);
  });

  test("stays one, and no other room becomes one", () => {
    expect(judge(OWNER, { membersBefore: two, policyBefore, policy: policy() })).toBe(
      "a direct room stays one",
    );
    expect(judge(OWNER, { policy: policyBefore })).toBe("a direct room stays one");
  });
});

describe("the timer", () => {
  const timer = { keepMs: 60_000 };
  test("is the owners' in a room, and anybody's of the two in a direct one", () => {
    expect(judge(MEMBER, { policy: policy(timer) })).toBe("may not change the room's rules");
    expect(judge(OWNER, { policy: policy(timer) })).toBe("allowed");
    const direct = { membersBefore: [OWNER, MEMBER], policyBefore: policy({ direct: true }) };
    expect(judge(MEMBER, { ...direct, policy: policy({ direct: true, ...timer }) })).toBe("allowed");
    const more = policy({ direct: true, addRole: "owner", ...timer });
    expect(judge(MEMBER, { ...direct, policy: more })).toBe("may not change the room's rules");
  });
});

describe("the rules", () => {
  const stricter = policy({ addRole: "admin" });

  test("are changed by owners only", () => {
    expect(judge(OWNER, { policy: stricter })).toBe("allowed");
    expect(judge(ADMIN, { policy: stricter })).toBe("may not change the room's rules");
    expect(judge(OWNER, { policy: stricter, policyProposer: ADMIN.leafIndex })).toBe(
      "may not change the room's rules",
    );
    expect(judge(ADMIN, { policy: stricter, membersBefore: [ADMIN, MEMBER] })).toBe("allowed");
  });

  test("are changed alone", () => {
    const NO = "a change of the rules changes nothing else";
    expect(judge(OWNER, { policy: stricter, added: [by(STRANGER, OWNER)] })).toBe(NO);
    expect(judge(OWNER, { policy: stricter, removed: [by(OTHER, OWNER)] })).toBe(NO);
  });

  test("must be there and readable", () => {
    expect(judge(OWNER, { policyBefore: undefined })).toBe("the room has no rules");
    expect(judge(OWNER, { policy: Uint8Array.of(9) })).toBe("made rules that cannot be read");
  });
});

test("a leaf never becomes another device", () => {
  const update = (after: Member) => judge(MEMBER, { updated: { before: MEMBER, after } });
  expect(update(leaf(2, 3))).toBe("allowed");
  expect(update(leaf(2, 3, 2))).toBe("turns a leaf into another device");
  expect(update(leaf(2, 4))).toBe("turns a leaf into another device");
});

describe("what the committer told the relay", () => {
  const NO = "told the relay another roster than the room";
  const stranger = addressOf(STRANGER.identity);
  const none = { added: [], removed: [] };
  test.each<[string, Case, string]>([
    ["keeps an add back", { added: [by(STRANGER, OWNER)], told: none }, NO],
    ["keeps a removal back", { removed: [by(OTHER, OWNER)], told: none }, NO],
    ["makes an add up", { told: { added: [stranger], removed: [] } }, NO],
    ["makes a removal up", { told: { added: [], removed: [addressOf(MEMBER.identity)] } }, NO],
    [
      "names another device",
      { added: [by(leaf(9, 77, 2), OWNER)], told: { added: [stranger], removed: [] } },
      NO,
    ],
    [
      "is true in another order",
      {
        added: [by(STRANGER, OWNER), by(leaf(10, 78), OWNER)],
        told: { added: [addressOf(Uint8Array.of(78, 1)), stranger], removed: [] },
      },
      "allowed",
    ],
  ])("%s", (_, change, verdict) => {
    expect(judge(OWNER, change)).toBe(verdict);
  });
});

describe("an external commit", () => {
  const none = { added: [], removed: [] };
  const back: Case = {
    external: true,
    added: [by(MEMBER, MEMBER)],
    removed: [by(MEMBER, MEMBER)],
    told: none,
  };
  test.each<[string, Case, string]>([
    ["takes the place of its own leaf", back, "allowed"],
    ["is nothing for a stranger", { ...back, removed: [] }, "was not in the room"],
    ["takes no other's place", { ...back, removed: [by(OTHER, MEMBER)] }, "was not in the room"],
    [
      "takes no place of another device",
      { ...back, removed: [by(leaf(2, 3, 2), MEMBER)] },
      "was not in the room",
    ],
    [
      "removes nobody besides",
      { ...back, removed: [by(MEMBER, MEMBER), by(OTHER, MEMBER)] },
      "was not in the room",
    ],
    ["adds nobody", { ...back, added: [by(STRANGER, MEMBER)] }, "a rejoin changes nothing else"],
    ["changes no rules", { ...back, policy: policy() }, "a rejoin changes nothing else"],
    [
      "tells the relay nothing",
      {
        ...back,
        told: { added: [], removed: [addressOf(MEMBER.identity)] },
      },
      "told the relay another roster than the room",
    ],
  ])("%s", (_, change, verdict) => {
    expect(judge(MEMBER, change)).toBe(verdict);
  });
});

describe("any commit in any room", () => {
  const someone = fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 2 }));
  const leaves = someone.map(([place, owner, device]) => leaf(place, owner, device));
  const rooms = fc.uniqueArray(leaves, {
    minLength: 1,
    maxLength: 6,
    selector: ({ leafIndex }) => leafIndex,
  });
  const policies = fc
    .record({
      direct: fc.boolean(),
      addRole: fc.constantFrom(...ROLES),
      roles: fc.array(
        fc.record({ account: fc.integer({ min: 1, max: 4 }).map(account), role: fc.constantFrom(...ROLES) }),
        { maxLength: 3 },
      ),
      keepMs: fc.constantFrom(0, 60_000),
    })
    .map(encodePolicy);
  const proposed = fc.array(fc.tuple(leaves, fc.nat(9)), { maxLength: 3 });
  const commits = fc
    .record({
      membersBefore: rooms,
      policyBefore: policies,
      external: fc.boolean(),
      policy: fc.option(fc.oneof(policies, fc.uint8Array({ maxLength: 5 })), { nil: undefined, freq: 2 }),
      added: proposed,
      removed: fc.array(fc.tuple(fc.nat(5), fc.nat(9)), { maxLength: 3 }),
      by: fc.nat(5),
    })
    .map(({ membersBefore, by: committer, added, removed, ...rest }) => {
      const memberAt = (n: number) => membersBefore[n % membersBefore.length] as Member;
      return {
        committer: memberAt(committer),
        change: {
          ...rest,
          membersBefore,
          added: added.map(([member, proposer]) => ({ ...member, proposer })),
          removed: removed.map(([n, proposer]) => ({ ...memberAt(n), proposer })),
        },
      };
    });

  test("is decided alike by all members, whatever order the relay tells of its roster in", () => {
    fc.assert(
      fc.property(commits, ({ committer, change }) => {
        const verdict = judge(committer, change);
        const devices = (members: readonly Member[]) => members.map(({ identity }) => addressOf(identity));
        const told = {
          added: devices(change.added).reverse(),
          removed: change.external ? [] : devices(change.removed).reverse(),
        };
        expect(judge(committer, structuredClone(change))).toBe(verdict);
        if (!change.external) expect(judge(committer, { ...change, told })).toBe(verdict);
      }),
      { numRuns: 2000 },
    );
  });

  test("leaves a direct room with two accounts, and its rules with the owners", () => {
    let allowed = 0;
    fc.assert(
      fc.property(commits, ({ committer, change }) => {
        if (judge(committer, change) !== "allowed") return;
        allowed++;
        const before = decodePolicy(change.policyBefore);
        const accounts = change.membersBefore.map(({ identity }) => addressOf(identity).account);
        const roles = effectiveRoles(before, accounts);
        if (change.policy) {
          const after = decodePolicy(change.policy);
          const isTimerOfTwo = before.direct && isDeepStrictEqual({ ...before, keepMs: after.keepMs }, after);
          if (!isTimerOfTwo) expect(roles.get(idText(addressOf(committer.identity).account))).toBe("owner");
          expect(after.direct).toBe(before.direct);
        }
        const all = new Set(
          [...accounts, ...change.added.map((one) => addressOf(one.identity).account)].map(idText),
        );
        if (before.direct && change.added.length > 0) expect(all.size).toBeLessThanOrEqual(2);
      }),
      { numRuns: 4000 },
    );
    expect(allowed).toBeGreaterThan(40);
  });
});
