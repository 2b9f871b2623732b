import type { Answer, DeviceAddress } from "@parley/protocol";
import { isName, ProtocolError } from "@parley/protocol";
import type { AccountState } from "@parley/trust";
import {
  inviteTokenHash,
  liveDevices,
  loginMessage,
  registrationMessage,
  TrustError,
  verifyAccountChain,
  verifySignature,
} from "@parley/trust";
import { loggedChain } from "../log/logged-entry.ts";
import type { RelayServices, RequestOf, Stranger } from "./call.ts";

/** A proof that held: who is logged in, and what they are answered. */
export interface Login {
  readonly device: DeviceAddress;
  readonly answer: Answer;
}

/** The number of an account's first device. */
const FIRST_DEVICE = 1;

/**
 * docs/protocol.md §4.1. `unauthenticated` for an unknown account, a revoked device and a signature that does not hold for
 * this hello and this TLS connection alike, so that nobody learns which accounts exist.
 */
export async function authenticate(
  { device, signature }: RequestOf<"authenticate">,
  stranger: Stranger,
  services: RelayServices,
): Promise<Login> {
  services.traffic.admitAttempt(stranger.address);
  const found = await services.accounts.find(device);
  const message = loginMessage({ ...boundTo(stranger), device });
  const holds = found && (await verifySignature(found.publicKey, message, signature));
  if (!holds) throw new ProtocolError("unauthenticated");
  services.traffic.forgiveAttempt(stranger.address);
  services.log.info("logged-in");
  return openSession(device, found.accountName, services);
}

/** docs/protocol.md §4.2. A registration that was carried out before, and whose answer got lost, is a login. */
export async function register(
  request: RequestOf<"register">,
  stranger: Stranger,
  services: RelayServices,
): Promise<Login> {
  const { name, nameOpening, chain, signature } = request;
  if (services.transparencyLog.awaitsRepair) throw new ProtocolError("registration-closed");
  services.traffic.admitAttempt(stranger.address);
  const nowMs = services.clock.nowMs();
  const invite = admission(request, services);
  if (!isName(name)) throw new ProtocolError("name-invalid");
  const state = await verifiedChain(request, nowMs);
  const first = liveDevices(state).find(({ number }) => number === FIRST_DEVICE);
  if (!first) throw new ProtocolError("chain-invalid");
  const device = { account: state.accountId, device: FIRST_DEVICE };
  const message = registrationMessage({ ...boundTo(stranger), device, chain });
  if (!(await verifySignature(first.publicKey, message, signature)))
    throw new ProtocolError("unauthenticated");
  const isNew = await services.store.createAccount({
    account: state.accountId,
    name,
    nameOpening,
    chain,
    ...(invite && { invite }),
    nowMs,
  });
  await services.transparencyLog.append(loggedChain({ chain, name, nameOpening }));
  services.log.info(isNew ? "registered" : "logged-in");
  return openSession(device, name, services);
}

function boundTo(stranger: Stranger): { helloBytes: Uint8Array; tlsExporter?: Uint8Array } {
  const tlsExporter = stranger.tlsExporter();
  return { helloBytes: stranger.helloBytes, ...(tlsExporter && { tlsExporter }) };
}

/** @returns the invite to be used, where one is needed. The wire carries its token, never its secret. */
function admission(
  { invite }: RequestOf<"register">,
  { registration }: RelayServices,
): { id: Uint8Array; secretHash: Uint8Array } | undefined {
  if (registration === "closed") throw new ProtocolError("registration-closed");
  if (registration === "open") return undefined;
  if (!invite) throw new ProtocolError("invite-invalid");
  return { id: invite.id, secretHash: inviteTokenHash(invite.secret) };
}

async function verifiedChain(request: RequestOf<"register">, nowMs: number): Promise<AccountState> {
  const { chain, name, nameOpening } = request;
  try {
    return await verifyAccountChain(chain, { nowMs, name, nameOpening });
  } catch (error) {
    if (error instanceof TrustError) throw new ProtocolError("chain-invalid", error.code);
    throw error;
  }
}

async function openSession(
  device: DeviceAddress,
  name: string,
  { store, clock }: RelayServices,
): Promise<Login> {
  const stock = await store.keyPackageStock(device);
  return { device, answer: { kind: "session", device, name, stock, serverTimeMs: clock.nowMs() } };
}
