import { ProtocolError } from "@parley/protocol";
import type { Handler } from "./call.ts";
import { DONE } from "./call.ts";

/** docs/protocol.md §4.6. */
export const createRoom: Handler<"create-room"> = async (
  { room },
  { services: { store, clock }, session },
) => {
  await store.createRoom({ room, creator: session.device, nowMs: clock.nowMs() });
  return DONE;
};

/** docs/protocol.md §4.9. */
export const listRooms: Handler<"list-rooms"> = async (_request, { services: { store }, session }) => ({
  answer: { kind: "rooms", rooms: await store.roomsOf(session.device) },
});

/** docs/protocol.md §4.13. Strangers to a room are told what they are told of rooms that do not exist. */
export const roomState: Handler<"room-state"> = async ({ room, epoch }, { services: { store }, session }) => {
  if (!(await store.isOnRoster(room, session.device))) throw new ProtocolError("not-found");
  const found = await (epoch === undefined ? store.groupInfo(room) : store.ratchetTree(room, epoch));
  if (!found) throw new ProtocolError("not-found");
  const { bytes, ...place } = found;
  return { answer: { kind: "room-state", ...place, state: bytes } };
};
