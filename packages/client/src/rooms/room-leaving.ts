import type { Group } from "../mls/index.ts";
import type { LeaveProposal, RoomRecord } from "./room-record.ts";
import { ChangeSet, putRoomRecord } from "./room-record.ts";
import type { RoomContext } from "./room-work.ts";

const CLIENT_ID_BYTES = 16;

/** What of a room's record changes when the user wants to leave. A room that is over is only put out of sight. */
export function wantingToLeave({ state, stateBeforeRelayRemoval }: RoomRecord): Partial<RoomRecord> {
  switch (state) {
    case "left":
    case "leaving":
      return {};
    case "removed":
      return { state: "left", stateBeforeRelayRemoval: stateBeforeRelayRemoval && "leaving" };
    case "repairing":
      return { leaveWhenBack: true };
    default:
      return { state: "leaving" };
  }
}

/** The proposal to remove this device in the present epoch, on disk. Runs in the room's queue. */
export async function storedLeaveProposal(
  { context, roomText, record }: { context: RoomContext; roomText: string; record: RoomRecord },
  group: Group,
): Promise<{ readonly proposal: LeaveProposal; readonly record: RoomRecord; readonly group: Group }> {
  const epoch = Number(group.epoch);
  if (record.leaveProposal?.epoch === epoch) return { proposal: record.leaveProposal, record, group };
  const step = await group.propose({ kind: "remove", leafIndex: group.ownLeafIndex });
  const { message } = step.result;
  const proposal = { clientId: context.randomBytes(CLIENT_ID_BYTES), epoch, message };
  const proposed: RoomRecord = { ...record, leaveProposal: proposal };
  const changes = new ChangeSet();
  changes.group(roomText, step.changes);
  putRoomRecord(changes, roomText, proposed);
  context.store.write(changes.list());
  return { proposal, record: proposed, group: step.settle() };
}
