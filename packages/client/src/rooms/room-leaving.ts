import { ProtocolError } from "@parley/protocol";
import type { Group } from "../mls/index.ts";
import type { CommitHost } from "./room-commits.ts";
import type { LeaveProposal, RoomRecord } from "./room-record.ts";
import { ChangeSet, putRoomRecord } from "./room-record.ts";
import type { RoomContext } from "./room-work.ts";

const CLIENT_ID_BYTES = 16;
const LEAVE_RETRY_MS = 5_000;

/** What leaving needs of its room. */
export interface LeavingHost extends CommitHost {
  record: RoomRecord;
  /** Nobody else is in the room: nobody could commit the removal. Inside the queue. */
  leaveAlone(): void;
  proposeLeavingAgain(delayMs: number): void;
}

/** Proposes the own removal in the present epoch, if the user wants to leave. */
export async function proposeLeaving(host: LeavingHost): Promise<void> {
  const connection = host.connection();
  if (!connection) return;
  const proposal = await host.queue.run(async () => {
    if (host.record.state !== "leaving") return undefined;
    const group = await host.group();
    if (group.members().length === 1) {
      host.leaveAlone();
      return undefined;
    }
    const stored = await storedLeaveProposal(host, group);
    host.record = stored.record;
    host.setGroup(stored.group);
    return stored.proposal;
  });
  if (!proposal) return;
  const { clientId, message, epoch } = proposal;
  const { room } = host.record;
  try {
    await connection.request({ kind: "append", room, clientId, epoch, proposal: true, message }, "appended");
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    // A new epoch brings a new proposal; who is off the roster already has left.
    if (!error.retryable || error.code === "stale-epoch") return;
    host.proposeLeavingAgain(error.data.retryAfterMs || LEAVE_RETRY_MS);
  }
}

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
async function storedLeaveProposal(
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
