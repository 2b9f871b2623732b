import { isName, LIMITS, ProtocolError } from "@parley/protocol";
import type { InviteUse, Registration } from "./contract.ts";

/** The single steps of {@link registerAccount}, each durable on one key when its promise resolves. */
export interface RegistrationSteps {
  /** Whether the account is live with exactly this name and chain. `already-exists`: live, but otherwise. */
  isRegistered(registration: Registration): Promise<boolean>;
  /** `name-taken`. Succeeds when the account has or owns the name already. */
  reserveName(registration: Registration): Promise<void>;
  /** Gives a reservation (not an owned name) back. */
  giveNameBack(registration: Registration): Promise<void>;
  /** See `InviteStore.consumeInvite`. */
  consumeInvite(use: InviteUse): Promise<void>;
  /** `already-exists`: live under another name. */
  putAccount(registration: Registration): Promise<void>;
  /** Turns the account's reservation into ownership. `name-taken` when it has none any more. */
  ownName(registration: Registration): Promise<void>;
}

function check({ account, name, nameOpening, chain }: Registration): void {
  if (!isName(name)) throw new ProtocolError("name-invalid");
  if (account.length !== 32 || nameOpening.length !== 32 || chain.length === 0) {
    throw new ProtocolError("malformed", "registration");
  }
  const isTooLarge = chain.some((entry) => entry.length > LIMITS.chainEntryBytes);
  if (isTooLarge || chain.length > LIMITS.chainEntries) throw new ProtocolError("too-large", "chain");
}

/**
 * Runs the steps of `AccountStore.createAccount` in their order. Knows of no driver: a crash, or an error that is not a
 * refusal, leaves what was done, and running it again completes it.
 */
export async function registerAccount(
  steps: RegistrationSteps,
  registration: Registration,
): Promise<boolean> {
  check(registration);
  if (await steps.isRegistered(registration)) return false;
  await steps.reserveName(registration);
  try {
    const { account, invite, nowMs } = registration;
    if (invite) await steps.consumeInvite({ ...invite, account, nowMs });
    await steps.putAccount(registration);
  } catch (error) {
    if (error instanceof ProtocolError && !error.retryable) await steps.giveNameBack(registration);
    throw error;
  }
  await steps.ownName(registration);
  return true;
}
