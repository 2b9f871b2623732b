import { roomLogItem, roomTopic } from "../delivery/room-source.ts";
import type { Appended } from "../store/contract.ts";
import type { Handler, RelayServices, Reply } from "./call.ts";

/** docs/protocol.md §4.7. */
export const append: Handler<"append"> = async (request, { services, session }) => {
  const { room, clientId, epoch, proposal, message } = request;
  const startedAt = performance.now();
  const appended = await services.store.append({
    room,
    sender: session.device,
    clientId,
    epoch,
    kind: proposal ? "proposal" : "application",
    message,
    nowMs: services.clock.nowMs(),
    quotaBytes: services.controls.of(session.device.account).roomBytes,
  });
  services.metrics.appended(startedAt);
  return replyTo(appended, room, services);
};

/** Answers an append or commit; after the answer, everybody who listens gets the entry, the sender too. */
export function replyTo(
  { seq, receivedAtMs, entry, duplicate }: Appended,
  room: Uint8Array,
  services: RelayServices,
): Reply {
  const answer = { kind: "appended", seq, receivedAtMs } as const;
  if (duplicate) return { answer };
  const announce = () => services.fanOut.announce(roomTopic(room), seq, () => roomLogItem(seq, entry));
  return { answer, afterwards: announce };
}
