import { bytesEqual } from "@parley/protocol";
import type { ServerPin } from "@parley/trust";
import { formatHostAddress, parseCode, parseInviteLink } from "@parley/trust";
import type { ServerTrust } from "../chat/chat.ts";
import type { Clock } from "../connection/clock.ts";
import { systemClock } from "../connection/clock.ts";
import { ConnectionError } from "../connection/connection.ts";
import { connectRelay } from "../connection/relay-connection.ts";
import type { Introduction } from "../connection/server-trust.ts";
import { createServerTrustCheck, describeServer } from "../connection/server-trust.ts";
import { relayAddress, relayUrl } from "../connection/transport.ts";
import type { ClientStore, Collection } from "../store/client-store.ts";
import { loadAccount, pinChange } from "./account-folder.ts";
import { tlsTransport } from "./tls-transport.ts";

/** What {@link replaceServer} needs. */
export interface ServerReplacement {
  /** Of an account; nobody else has it open. */
  readonly store: ClientStore;
  /** As the account knows its server. */
  readonly host: string;
  /** What the operator handed out by another way: the new server's 30 digits, or an invite link. */
  readonly by: { readonly code: string } | { readonly link: string };
  readonly clock?: Clock;
}

/** What is remembered of a server's log goes with the server. */
const LOG_COLLECTIONS: readonly Collection[] = ["log-entry", "log-head", "log-index"];

/**
 * Takes another server for the one that an account knows: the operator has lost every key, and said so by a way that is not
 * the server's (trust.md §A2). Nothing is sent to it but a hello is heard.
 *
 * Throws TrustError for a code or a link that is none, ConnectionError `not-proven` when what answers is not what the code
 * or the link names, or there is nothing to replace; and what `connectRelay` throws.
 */
export async function replaceServer({
  store,
  host,
  by,
  clock = systemClock,
}: ServerReplacement): Promise<ServerTrust> {
  const account = loadAccount(store);
  const url = relayUrl(host);
  if (account?.host !== relayAddress(url)) {
    const known = account ? `this account's server is ${account.host}` : "there is no account here yet";
    throw new ConnectionError("not-proven", `Nothing to replace: ${known}`);
  }
  const pin = await meet(url, introductionBy(by, { url, nowMs: clock.nowMs() }), clock);
  if (bytesEqual(pin.serverId, account.pin.serverId)) {
    throw new ConnectionError("not-proven", "That is the server that this account knows already");
  }
  store.write([
    pinChange(account.host, pin),
    ...LOG_COLLECTIONS.map((collection) => ({ kind: "delete-prefix", collection, prefix: "" }) as const),
  ]);
  return describeServer(account.host, pin);
}

function introductionBy(
  by: ServerReplacement["by"],
  { url, nowMs }: { readonly url: URL; readonly nowMs: number },
): Introduction {
  const policy: Introduction["policy"] = (has) => has("code") || has("invite");
  if ("code" in by) {
    parseCode(by.code);
    return { typed: by.code, policy };
  }
  const invite = parseInviteLink(by.link, nowMs);
  if (relayAddress(relayUrl(formatHostAddress(invite))) !== relayAddress(url))
    throw new ConnectionError("not-proven", "The invite leads to another host");
  return { invite, policy };
}

/** Hears the server's hello and hangs up. @returns what is to be remembered of it. */
async function meet(url: URL, introduction: Introduction, clock: Clock): Promise<ServerPin> {
  let met: ServerPin | undefined;
  const trust = createServerTrustCheck({
    clock,
    introduction,
    pins: {
      get: async () => undefined,
      put: async (_, pin) => {
        met = pin;
      },
    },
  });
  const heard = new ConnectionError("closed", "The hello was heard");
  const login = () => Promise.reject(heard);
  try {
    await connectRelay({ transport: tlsTransport, url, trust, login, clock, onDelivery: () => {} });
  } catch (error) {
    if (error !== heard) throw error;
  }
  if (!met) throw new ConnectionError("not-proven", "The server was not checked");
  return met;
}
