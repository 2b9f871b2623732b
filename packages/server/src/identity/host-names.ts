import { isIPv6 } from "node:net";
import { hostname } from "node:os";
import { isHost } from "@parley/trust";

/** The names a relay answers for when the operator gives none: the address it listens on, and this machine's own. */
export function defaultHostNames(host: string): readonly string[] {
  const spelled = isIPv6(host) ? `[${host}]` : host.toLowerCase();
  const isWildcard = host === "0.0.0.0" || host === "::" || host === "";
  const names = isWildcard ? [hostname().toLowerCase()] : [spelled];
  return [...new Set([...names, "localhost", "127.0.0.1", "[::1]"])].filter(isHost);
}
