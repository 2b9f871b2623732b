import { bytesEqual, deviceText, encode, ProtocolError, request as requestCodec } from "@parley/protocol";
import type { IdentityFor, Member } from "../mls/index.ts";
import { MlsError } from "../mls/index.ts";
import type { CommitHost, RoomCommits } from "./room-commits.ts";
import { sameDevice } from "./room-record.ts";
import { openRejoinState, sealRejoinState } from "./sealed-state.ts";

const CLIENT_ID_BYTES = 16;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 5 * 60_000;

/** How long to wait before the `attempt`th repair of a room (from 0): doubling, with a random half. */
export function repairDelayMs(attempt: number, random: number): number {
  const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return longest / 2 + (longest / 2) * random;
}

/**
 * Comes back into a room that this device can no longer follow, by an external commit that takes the place of its own
 * leaf (RFC 9420 §12.4.3.2, design §5 rule 4). Call only when the room has been caught up with.
 *
 * @returns false when the relay has no usable GroupInfo: then only another member's replacement can help.
 */
export async function rejoin(
  host: CommitHost,
  commits: RoomCommits,
  identityFor: IdentityFor,
): Promise<boolean> {
  const { context, record } = host;
  const connection = host.connection();
  if (!connection || commits.pending) return true;
  const answer = await connection.request(
    { kind: "room-state", room: record.room, epoch: undefined },
    "room-state",
  );
  let draft: Awaited<ReturnType<typeof context.engine.rejoin>>;
  try {
    const state = await openRejoinState(record.key, record.room, answer.state);
    draft = await context.engine.rejoin({
      ...state,
      identityFor,
      formerLeaf: (members) =>
        members.find(({ identity }) => sameDevice(context.directory.addressOf(identity), context.me))
          ?.leafIndex,
    });
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof MlsError) return false;
    throw error;
  }
  if (!bytesEqual(draft.groupId, record.room)) return false;
  // Whoever made a commit that nobody can follow also made its GroupInfo: it must not bring other rules along.
  const admitted = (await context.engine.admit(draft.pending.slice())).settle();
  const { policy } = admitted;
  const members = admitted.members();
  if (record.policy && !(policy && bytesEqual(policy, record.policy))) return false;
  if (record.lostCommits && !(await isAmongKnown(host, members))) return stayOut(host);
  const clientId = context.randomBytes(CLIENT_ID_BYTES);
  const epoch = Number(draft.epoch);
  const request = encode(requestCodec, {
    kind: "commit",
    room: record.room,
    clientId,
    epoch,
    replaces: 0,
    message: draft.commit,
    added: [],
    removed: [],
    ratchetTree: new Uint8Array(0),
    groupInfo: await sealRejoinState(record.key, record.room, draft),
  });
  await host.queue.run(() => {
    // A replacement may have brought this device back meanwhile.
    if (host.record.state !== "repairing" || commits.pending) return;
    commits.keep({ clientId, epoch, request, secret: draft.pending, leavers: [], rejoin: true });
  });
  await commits.send(connection);
  return true;
}

/**
 * Whether no device is among `members` that was not in the group before the relay lost commits: somebody who was removed
 * must not come back by a backup.
 */
async function isAmongKnown(host: CommitHost, members: readonly Member[]): Promise<boolean> {
  const deviceOf = ({ identity }: Member) => deviceText(host.context.directory.addressOf(identity));
  try {
    const group = await host.queue.run(() => host.group());
    const known = new Set(group.members().map(deviceOf));
    return members.every((member) => known.has(deviceOf(member)));
  } catch (error) {
    if (error instanceof MlsError) return false;
    throw error;
  }
}

async function stayOut(host: CommitHost): Promise<false> {
  if (host.record.lostCommits === "told") return false;
  await host.queue.run(() => host.writeRecord({ ...host.record, lostCommits: "told" }));
  await host.tell(
    "the server's backup of this room has somebody in it whom you did not know there, or who was removed since: this device stays out. Let a member remove and invite you again, or make a new room",
  );
  return false;
}
