/** Where a relay is dialled. `host` is a lower-case DNS name, an IPv4 address, or an IPv6 address in brackets. */
export interface HostAddress {
  readonly host: string;
  readonly port: number;
}

/** The port that is left out in links. */
export const DEFAULT_PORT = 443;
/** Longest host, in bytes. */
export const MAX_HOST_BYTES = 253;

const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const IPV6 = /^\[[0-9a-f:.]{2,45}\]$/;

/** Whether `host` has the one spelling that statements, chains and invites use; other names are converted by `URL`. */
export function isHost(host: string): boolean {
  return host.length <= MAX_HOST_BYTES && (NAME.test(host) || IPV6.test(host));
}

/** @returns `host` or `host:port`. */
export function formatHostAddress({ host, port }: HostAddress): string {
  return port === DEFAULT_PORT ? host : `${host}:${port}`;
}
