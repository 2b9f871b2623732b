import { isIPv4, isIPv6 } from "node:net";

/**
 * What a network address counts as when connections and attempts are counted: an IPv4 address as itself, also when it
 * comes mapped into IPv6; an IPv6 address as its /64, since one household is given that many.
 */
export function addressKey(address: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped && isIPv4(mapped)) return mapped;
  const bare = address.split("%", 1)[0] as string;
  if (!isIPv6(bare)) return address;
  const [head = "", tail] = bare.toLowerCase().split("::", 2);
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : 8 - first.length - last.length;
  const groups = [...first, ...Array<string>(Math.max(0, missing)).fill("0"), ...last];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}

/** Whether the address is this machine's own. */
export function isLoopback(address: string): boolean {
  return address === "::1" || addressKey(address).startsWith("127.");
}
