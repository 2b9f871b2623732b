import type { DeviceAddress } from "@parley/protocol";
import { deviceText, isName, ProtocolError } from "@parley/protocol";
import type { Invite, Secret, ServerPin } from "@parley/trust";
import { createAccount, formatHostAddress, parseInviteLink, signerFromSeed } from "@parley/trust";
import { ConnectionError } from "./connection.ts";
import { deviceLogin, registration } from "./login.ts";
import { refusal } from "./refusal.ts";
import type { ConnectOptions, LoginRequest, ProvenConnection } from "./relay-connection.ts";
import { connectRelay } from "./relay-connection.ts";
import type { Introduction, ServerPins } from "./server-trust.ts";
import { createServerTrustCheck } from "./server-trust.ts";
import { relayAddress, relayUrl } from "./transport.ts";

/** What an account keeps on its first device. Each secret is the 32-byte seed of an Ed25519 key. */
export interface EnrolledAccount {
  /** As `relayUrl` reads it. */
  readonly host: string;
  readonly name: string;
  readonly nameOpening: Uint8Array;
  /** Account id and device number. */
  readonly device: DeviceAddress;
  readonly chain: readonly Uint8Array[];
  readonly deviceSeed: Secret;
  readonly rootSeed: Secret;
  readonly nextRootSeed: Secret;
  readonly pin: ServerPin;
  /** The invite that was used: its secret proves to the inviter who came (trust.md §A1). */
  readonly invite: Invite | undefined;
}

/** An account that was just made: the one time its recovery key is there. */
export interface FreshAccount extends EnrolledAccount {
  /** `recoveryWordsOf(recoverySeed)` is what the person writes down. */
  readonly recoverySeed: Secret;
}

/** How a person gets to a server for the first time. */
export type EnrolmentRoad =
  /** A link as pasted. */
  | { readonly link: string }
  /** A host as typed, and what speaks for it. `pin`: this machine knows the server already. */
  | { readonly host: string; readonly introduction: Introduction; readonly pin?: ServerPin };

/** What {@link resumeEnrolment} needs beside the account. */
export interface EnrolmentOptions
  extends Pick<ConnectOptions, "transport" | "clock" | "onDelivery" | "signal"> {
  /** Stores the account durably in place of what is stored: the server's chain has grown. */
  readonly persist: (account: EnrolledAccount) => Promise<void>;
  /** The relay has refused the account for good: what was persisted is of no use. */
  readonly discard: () => Promise<void>;
}

/** What {@link enrol} needs. */
export interface EnrolOptions extends Omit<EnrolmentOptions, "persist"> {
  /**
   * Stores the account durably, before the relay is asked for it. From then on a killed process goes on with
   * {@link resumeEnrolment}, whether the relay has answered or not.
   */
  readonly persist: (account: FreshAccount) => Promise<void>;
  readonly road: EnrolmentRoad;
  /** The user's rule for servers met for the first time, and what they know of servers. */
  readonly firstContact?: Pick<Introduction, "policy" | "gather" | "onMet">;
  /** 1 to 32 of `[a-z0-9._-]`. */
  readonly name: string;
  readonly deviceLabel?: string;
}

/** An account that the relay has, and an open connection as its first device. */
export interface Enrolment {
  readonly account: EnrolledAccount;
  readonly connection: ProvenConnection;
}

/**
 * Makes an account and registers it: checks the server, makes the keys, persists, registers. Throws TrustError for a
 * link that is none; ConnectionError: of the server check with nothing sent and nothing persisted; `refused` with the
 * relay's ProtocolError as `cause` (`name-taken`, `invite-invalid`, …), after `discard`; `lost` or `unreachable` with the
 * account persisted if the keys were made: then go on with {@link resumeEnrolment}.
 */
export async function enrol(options: EnrolOptions): Promise<Enrolment> {
  const { road, name, clock, persist, firstContact } = options;
  if (!isName(name)) throw refusal(new ProtocolError("name-invalid"));
  const { url, introduction, pin, invite } = destination(road, clock.nowMs());
  let met: ServerPin | undefined;
  let account: EnrolledAccount | undefined;
  const pins: ServerPins = {
    get: async () => pin,
    put: async (_, newPin) => {
      met = newPin;
    },
  };
  const login: LoginRequest = async (context) => {
    if (!met) throw new ConnectionError("not-proven", "The server was not checked");
    if (!account) {
      const fresh = { ...(await makeAccount(options)), host: relayAddress(url), pin: met, invite };
      await persist(fresh);
      account = fresh;
    }
    return (await registrationOf(account))(context);
  };
  const trust = createServerTrustCheck({ clock, introduction: { ...firstContact, ...introduction }, pins });
  try {
    const connection = await connectRelay({ ...channelOptions(options), url, trust, login });
    return enrolled(account as unknown as EnrolledAccount, connection);
  } catch (error) {
    if (account && isRefusal(error)) await options.discard();
    throw error;
  }
}

type MadeAccount = Omit<FreshAccount, "host" | "pin" | "invite">;

async function makeAccount({ name, deviceLabel, clock }: EnrolOptions): Promise<MadeAccount> {
  const made = await createAccount({
    name,
    nowMs: clock.nowMs(),
    ...(deviceLabel !== undefined && { deviceLabel }),
  });
  return {
    name,
    nameOpening: made.nameOpening,
    device: { account: made.accountId, device: 1 },
    chain: made.chain,
    deviceSeed: made.device,
    rootSeed: made.root,
    nextRootSeed: made.next,
    recoverySeed: made.recovery,
  };
}

/**
 * Goes on after {@link enrol} was cut short: registers the persisted account again, which is harmless when the relay has
 * it. Throws like `enrol`.
 */
export async function resumeEnrolment(
  options: EnrolmentOptions,
  account: EnrolledAccount,
): Promise<Enrolment> {
  try {
    return await connectAs(options, account, await registrationOf(account));
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return settleRefusal(options, account, error);
  }
}

/** The answer to an earlier registration may have been lost after the relay stored it: then a login works. */
async function settleRefusal(
  options: EnrolmentOptions,
  account: EnrolledAccount,
  refused: ConnectionError,
): Promise<Enrolment> {
  const signer = await signerFromSeed(account.deviceSeed);
  try {
    return await connectAs(options, account, deviceLogin({ device: account.device, signer }));
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await options.discard();
    throw refused;
  }
}

async function connectAs(
  options: EnrolmentOptions,
  account: EnrolledAccount,
  login: LoginRequest,
): Promise<Enrolment> {
  let current = account;
  const trust = createServerTrustCheck({
    clock: options.clock,
    pins: {
      get: async () => current.pin,
      put: async (_, pin) => {
        current = { ...current, pin };
        await options.persist(current);
      },
    },
  });
  const connection = await connectRelay({
    ...channelOptions(options),
    url: relayUrl(account.host),
    trust,
    login,
  });
  return enrolled(current, connection);
}

/** Holds the session against the account: a relay that opens another one is none to go on with. */
function enrolled(account: EnrolledAccount, connection: ProvenConnection): Enrolment {
  const { device, name } = connection.session;
  if (deviceText(device) === deviceText(account.device) && name === account.name)
    return { account, connection };
  connection.close();
  throw new ConnectionError("not-a-relay", "The server opened a session for somebody else");
}

interface Destination {
  readonly url: URL;
  readonly introduction: Introduction;
  readonly pin?: ServerPin | undefined;
  readonly invite?: Invite;
}

function destination(road: EnrolmentRoad, nowMs: number): Destination {
  if ("host" in road) return { url: relayUrl(road.host), introduction: road.introduction, pin: road.pin };
  const invite = parseInviteLink(road.link, nowMs);
  return { url: relayUrl(formatHostAddress(invite)), introduction: { invite }, invite };
}

async function registrationOf(account: EnrolledAccount): Promise<LoginRequest> {
  const { device, name, nameOpening, chain, invite } = account;
  const signer = await signerFromSeed(account.deviceSeed);
  return registration({ device, signer, name, nameOpening, chain, ...(invite && { invite }) });
}

function channelOptions({ transport, clock, onDelivery, signal }: Omit<EnrolmentOptions, "persist">) {
  return { transport, clock, onDelivery, ...(signal && { signal }) };
}

function isRefusal(error: unknown): error is ConnectionError {
  return error instanceof ConnectionError && error.code === "refused";
}
