import { ProtocolError } from "@parley/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  atLeast,
  decodePolicy,
  effectiveRoles,
  encodePolicy,
  KEEP_LIMITS,
  newRoomPolicy,
  ROLES,
  withRole,
} from "./policy.ts";

const account = (n: number) => new Uint8Array(32).fill(n);
const [ana, bo, cem] = [account(1), account(2), account(3)];
const rolesOf = (...args: Parameters<typeof effectiveRoles>) => [...effectiveRoles(...args).values()];

test("a policy comes back as it was", () => {
  const policies = fc.record({
    direct: fc.boolean(),
    addRole: fc.constantFrom(...ROLES),
    roles: fc.array(fc.record({ account: fc.nat(255).map(account), role: fc.constantFrom(...ROLES) })),
    keepMs: fc.oneof(fc.constant(0), fc.integer({ min: KEEP_LIMITS.leastMs, max: KEEP_LIMITS.mostMs })),
  });
  fc.assert(
    fc.property(policies, (policy) => {
      expect(decodePolicy(encodePolicy(policy))).toEqual(policy);
    }),
  );
});

test("damaged bytes and other versions are malformed", () => {
  const bytes = encodePolicy(newRoomPolicy(ana, false));
  for (const damaged of [bytes.subarray(1), Uint8Array.of(...bytes, 0), bytes.with(0, 2), bytes.with(2, 3)]) {
    expect(() => decodePolicy(damaged)).toThrow(ProtocolError);
  }
});

test.each([1, KEEP_LIMITS.leastMs - 1, KEEP_LIMITS.mostMs + 1])("no room has a timer of %i ms", (keepMs) => {
  const bytes = encodePolicy({ ...newRoomPolicy(ana, false), keepMs });
  expect(() => decodePolicy(bytes)).toThrow(ProtocolError);
});

test("roles are ordered", () => {
  for (const [i, role] of ROLES.entries()) {
    for (const [j, least] of ROLES.entries()) expect(atLeast(role, least)).toBe(i >= j);
  }
});

test("the maker of a room owns it, and everybody else is a member", () => {
  expect(rolesOf(newRoomPolicy(ana, false), [bo, ana])).toEqual(["member", "owner"]);
});

test("when every owner has gone, all admins act as owners", () => {
  const policy = withRole(withRole(newRoomPolicy(ana, false), bo, "admin"), account(4), "admin");
  expect(rolesOf(policy, [cem, bo, account(4)])).toEqual(["member", "owner", "owner"]);
  expect(rolesOf(policy, [cem, bo, ana])).toEqual(["member", "admin", "owner"]);
});

test("without owners and admins the account with the lowest leaf acts as owner", () => {
  expect(rolesOf(newRoomPolicy(ana, false), [cem, bo, cem])).toEqual(["owner", "member"]);
  expect(rolesOf(newRoomPolicy(ana, false), [])).toEqual([]);
});

test("a role takes the place of the one before, and a member has none", () => {
  const policy = newRoomPolicy(ana, false);
  expect(withRole(policy, ana, "admin").roles).toEqual([{ account: ana, role: "admin" }]);
  expect(withRole(policy, ana, "member").roles).toEqual([]);
});
