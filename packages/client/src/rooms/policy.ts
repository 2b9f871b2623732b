import type { Infer } from "@parley/protocol";
import {
  accountId,
  decode,
  encode,
  flag,
  idText,
  LIMITS,
  list,
  oneOf,
  ProtocolError,
  struct,
  u8,
  u53,
} from "@parley/protocol";

/** Roles from least to most. */
export const ROLES = ["member", "admin", "owner"] as const;
/** One of {@link ROLES}. */
export type RoomRole = (typeof ROLES)[number];

const layout = struct({
  version: u8,
  /** A direct room has two people for good. */
  direct: flag,
  /** The least role that may add people. */
  addRole: oneOf(ROLES),
  /** Accounts that are more than members. */
  roles: list(struct({ account: accountId, role: oneOf(ROLES) }), LIMITS.roomDevices),
  /** How long messages stay; 0: for ever. */
  keepMs: u53,
});

/** The shortest and the longest time for which a room can keep its messages, other than for ever. */
export const KEEP_LIMITS = { leastMs: 5_000, mostMs: 366 * 24 * 3_600_000 } as const;

/** Whether a room can have this timer; 0 keeps for ever. */
export function isKeepTime(keepMs: number): boolean {
  return keepMs === 0 || (keepMs >= KEEP_LIMITS.leastMs && keepMs <= KEEP_LIMITS.mostMs);
}

const VERSION = 1;

/**
 * The room's rules, carried in the MLS group context (extension 0xff01) and so signed into every epoch: the relay
 * cannot alter them, and all members hold the same (docs/protocol.md §5.3).
 */
export interface RoomPolicy {
  readonly direct: boolean;
  readonly addRole: RoomRole;
  readonly roles: Infer<typeof layout>["roles"];
  /** How long a message stays after the relay has received it; 0: for ever. See {@link KEEP_LIMITS}. */
  readonly keepMs: number;
}

/** @returns the extension's bytes. */
export function encodePolicy(policy: RoomPolicy): Uint8Array {
  return encode(layout, { ...policy, version: VERSION });
}

/** Reads the extension; throws ProtocolError `malformed`. */
export function decodePolicy(bytes: Uint8Array): RoomPolicy {
  const { version, ...policy } = decode(layout, bytes);
  if (version !== VERSION) throw new ProtocolError("malformed", "policy version");
  if (!isKeepTime(policy.keepMs)) throw new ProtocolError("malformed", "policy timer");
  return policy;
}

/** The policy of a new room: its maker owns it; everybody may add, except to a direct room. */
export function newRoomPolicy(owner: Uint8Array, direct: boolean): RoomPolicy {
  return { direct, addRole: "member", roles: [{ account: owner, role: "owner" }], keepMs: 0 };
}

/** Whether `role` is `least` or more. */
export function atLeast(role: RoomRole, least: RoomRole): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}

/**
 * Who may do what among `accounts`, the members' accounts in leaf order. A room is never without an owner: when every
 * owner is gone, the admins act as owners, and without admins the account with the lowest leaf does.
 */
export function effectiveRoles(
  policy: RoomPolicy,
  accounts: readonly Uint8Array[],
): ReadonlyMap<string, RoomRole> {
  const granted = new Map(policy.roles.map(({ account, role }) => [idText(account), role]));
  const roles = new Map(
    accounts.map((account) => [idText(account), granted.get(idText(account)) ?? "member"]),
  );
  if ([...roles.values()].includes("owner")) return roles;
  const heirs = [...roles].filter(([, role]) => role === "admin").map(([account]) => account);
  const [eldest] = roles.keys();
  for (const heir of heirs.length > 0 ? heirs : [eldest]) if (heir !== undefined) roles.set(heir, "owner");
  return roles;
}

/** `policy` with `account` in another role. */
export function withRole(policy: RoomPolicy, account: Uint8Array, role: RoomRole): RoomPolicy {
  const others = policy.roles.filter((grant) => idText(grant.account) !== idText(account));
  return { ...policy, roles: role === "member" ? others : [...others, { account, role }] };
}
