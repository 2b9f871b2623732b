import { LIMITS, ProtocolError } from "@parley/protocol";
import type { Handler } from "./call.ts";
import { DONE } from "./call.ts";

/** docs/protocol.md §4.14. Members invite unless registration is closed. */
export const createInvite: Handler<"create-invite"> = async (request, { services, session }) => {
  const { id, secretHash, expiresAtMs, uses } = request;
  if (services.registration === "closed") throw new ProtocolError("registration-closed");
  if (uses === 0 || expiresAtMs <= services.clock.nowMs()) throw new ProtocolError("invite-invalid");
  if (expiresAtMs > services.clock.nowMs() + LIMITS.inviteLifetimeMs) throw new ProtocolError("too-large");
  await services.store.createInvite({ id, secretHash, expiresAtMs, uses, inviter: session.device.account });
  return DONE;
};
