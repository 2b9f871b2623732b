import type { Infer } from "./codec.ts";
import { fixed, struct, u32 } from "./codec.ts";

/** 16 random bytes: a room, and its MLS group id. */
export const roomId = fixed(16);
/** SHA-256 of the account-genesis entry. */
export const accountId = fixed(32);
/** 16 random bytes that a sender gives a message, unique per room and device: what makes sending again harmless. */
export const clientId = fixed(16);
/** 16 random bytes: an invite. */
export const inviteId = fixed(16);

/** A device: its account, and its number in the account's chain (from 1). */
export const deviceAddress = struct({ account: accountId, device: u32 });
/** A device: its account, and its number in the account's chain (from 1). */
export type DeviceAddress = Infer<typeof deviceAddress>;

/** A string that is equal for equal bytes: a key for `Map` and SQL. Lower-case hex. */
export function idText(id: Uint8Array): string {
  return id.toHex();
}

/** A string that is equal for equal device addresses. */
export function deviceText({ account, device }: DeviceAddress): string {
  return `${account.toHex()}/${device}`;
}

/** Whether two byte strings are equal. Not for secrets: it stops at the first difference. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
