import { ProtocolError } from "@parley/protocol";
import type { RelayStore } from "../store/contract.ts";
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
  const found = epoch === undefined ? await newestGroupInfo(store, room) : await treeOf(store, room, epoch);
  if (!found) throw new ProtocolError("not-found");
  return { answer: { kind: "room-state", ...found } };
};

async function newestGroupInfo(store: RelayStore, room: Uint8Array) {
  const newest = await store.groupInfo(room);
  return newest && { epoch: newest.epoch, state: newest.groupInfo };
}

async function treeOf(store: RelayStore, room: Uint8Array, epoch: number) {
  const state = await store.ratchetTree(room, epoch);
  return state && { epoch, state };
}
