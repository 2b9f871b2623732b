import { bytesEqual, idText, ProtocolError } from "@parley/protocol";
import { ChatError } from "../chat/chat.ts";
import { inBackground, offline, online } from "../chat/commands.ts";
import type { RelayConnection } from "../connection/connection.ts";
import { ConnectionError } from "../connection/connection.ts";
import type { Group, IdentityFor, MlsEngine } from "../mls/index.ts";
import { MlsError } from "../mls/index.ts";
import { DirectoryUnavailable } from "./directory.ts";
import type { Inbox, StoredInvitation } from "./inbox.ts";
import type { KeyPackageSupply } from "./key-package-supply.ts";
import { POST_QUANTUM_SUITE } from "./key-package-supply.ts";
import type { RoomPolicy } from "./policy.ts";
import { decodePolicy, encodePolicy, newRoomPolicy } from "./policy.ts";
import { Room } from "./room.ts";
import type { RoomRecord } from "./room-record.ts";
import { ChangeSet, loadRoomRecords, putRoomRecord } from "./room-record.ts";
import type { RoomContext } from "./room-work.ts";
import { SerialQueue } from "./serial-queue.ts";
import type { Timeline } from "./timeline.ts";

const ROOM_ID_BYTES = 16;
const ROOM_KEY_BYTES = 32;
const EMPTY_HEAD = new Uint8Array(32);

/** What the rooms of a client need besides {@link RoomContext}. */
export interface RegistryOptions {
  readonly context: RoomContext;
  readonly supply: KeyPackageSupply;
  readonly inbox: Inbox;
  readonly identityFor: IdentityFor;
  readonly connection: () => RelayConnection | undefined;
  readonly timelineOf: (room: string) => Timeline;
  readonly onChange: () => void;
  readonly onTimelineChange: (room: string) => void;
  readonly onFault: (error: unknown) => void;
}

/** The rooms of a client: those on disk, new ones, those it was invited to; and their feed from the relay. */
export class RoomRegistry {
  readonly #options: RegistryOptions;
  readonly #rooms = new Map<string, Room>();
  /** One after the other: an invitation that is answered twice, or two into one room, must not both be followed. */
  readonly #joins = new SerialQueue();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Opens what the store holds. */
  async load(): Promise<void> {
    for (const record of loadRoomRecords(this.#options.context.store)) await this.#adopt(record).load();
  }

  /** In the order of their creation. */
  all(): readonly Room[] {
    return [...this.#rooms.values()].sort((a, b) => a.record.createdAtMs - b.record.createdAtMs);
  }

  find(id: string): Room | undefined {
    return this.#rooms.get(id);
  }

  /** Throws ChatError `no-such-room`. */
  get(id: string): Room {
    const room = this.#rooms.get(id);
    if (!room) throw new ChatError("no-such-room", "there is no such room");
    return room;
  }

  /** Whether an account has a leaf in the room. */
  isMember(room: Room, account: Uint8Array): boolean {
    const { directory } = this.#options.context;
    const members = room.loadedGroup?.members() ?? [];
    return members.some(({ identity }) => bytesEqual(directory.addressOf(identity).account, account));
  }

  /** A connection stands: rooms the relay does not know yet are made there, all others catch up. */
  async connected(connection: RelayConnection): Promise<void> {
    for (const room of this.#rooms.values()) {
      if (room.record.unborn) await this.#bear(room, connection);
    }
    await this.resume(this.all().filter(({ open, record }) => open && !record.unborn));
  }

  disconnected(): void {
    for (const room of this.#rooms.values()) room.disconnected();
  }

  async close(): Promise<void> {
    for (const room of this.#rooms.values()) await room.close();
  }

  /** Asks the relay for everything after the rooms' cursors, and for what comes. */
  async resume(rooms: readonly Room[]): Promise<void> {
    const connection = this.#options.connection();
    if (!connection) return;
    const { generation } = connection.hello;
    const cursors = rooms.map((room) => ({ room: room.record.room, after: room.resumeAfter(generation) }));
    const request = { kind: "resume", rooms: cursors, inboxAfter: this.#options.inbox.cursor } as const;
    const answer = await connection.request(request, "rooms");
    const heads = new Map(answer.rooms.map((head) => [idText(head.room), head]));
    for (const room of rooms) {
      const head = heads.get(room.roomText);
      if (head === undefined) await room.removedByRelay(connection);
      else await room.endsAt(head);
    }
  }

  /** One room that the relay does not take must not keep the others from it. */
  async #bear(room: Room, connection: RelayConnection): Promise<void> {
    try {
      await bear(room, connection);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.onFault(error);
    }
  }

  /** A new room of one. Throws ChatError `offline`, `refused`. */
  async create(name: string, direct: boolean): Promise<Room> {
    const { context, identityFor, connection, onChange } = this.#options;
    const live = connection();
    if (!live) throw offline();
    const room = context.randomBytes(ROOM_ID_BYTES);
    const policy = encodePolicy(newRoomPolicy(context.me.account, direct));
    const step = await context.engine.create({
      groupId: room,
      suite: POST_QUANTUM_SUITE,
      identityFor,
      policy,
    });
    const key = context.randomBytes(ROOM_KEY_BYTES);
    const record = { ...newRecord(room, context.clock.nowMs()), name, direct, key, unborn: true };
    const created = this.#begin(record, step);
    onChange();
    try {
      await bear(created, live);
      await this.resume([created]);
    } catch (error) {
      // The room is there, on disk; the relay hears of it with the next connection.
      if (error instanceof ProtocolError) throw new ChatError("refused", `the relay refused (${error.code})`);
      if (!(error instanceof ConnectionError)) throw error;
    }
    return created;
  }

  /**
   * Joins the room of an invitation; `leaving`: to leave it at once, unseen. The invitation and its key package are used
   * up with the same write. Throws ChatError: `no-such-invitation` when this device has no key for it, `refused` when the
   * Welcome or a member in the tree does not hold or the room is not what the invitation said, `not-allowed` when this
   * device is in the room, `offline`.
   */
  join(id: string, invitation: StoredInvitation, state: "active" | "leaving"): Promise<Room> {
    return this.#joins.run(() => this.#join(id, invitation, state));
  }

  async #join(id: string, invitation: StoredInvitation, state: "active" | "leaving"): Promise<Room> {
    const { context, supply, connection, onChange, onFault } = this.#options;
    const former = this.#rooms.get(idText(invitation.room));
    if (former?.record.state === "active" || former?.record.state === "leaving") {
      throw new ChatError("not-allowed", "you are in the room of this invitation");
    }
    const found = supply.find(invitation.welcome);
    if (!found) {
      throw new ChatError(
        "no-such-invitation",
        "this invitation was made for keys that are gone; ask for a new one",
      );
    }
    const { room, epoch, direct, from, welcome } = invitation;
    const start = await online(async () => {
      const live = connection();
      if (!live) throw offline();
      return live.request({ kind: "room-state", room, epoch }, "room-state");
    });
    const { keyPackage, secret, used } = found;
    const step = await joinStep(context.engine, { welcome, ratchetTree: start.state, keyPackage, secret });
    this.#requirePromised(invitation, step.settle());
    await former?.close();
    const inviter = context.directory.nameOf(from);
    const { seq } = start;
    const record: RoomRecord = {
      ...newRecord(room, context.clock.nowMs()),
      name: direct ? inviter : `${inviter}'s room`,
      direct,
      state,
      cursor: seq,
      head: start.head.slice(),
      joinedAtSeq: seq,
      lastReadSeq: seq,
    };
    const changes = new ChangeSet();
    changes.delete("invitation", id);
    for (const change of used) if (change.kind === "delete") changes.delete(change.collection, change.key);
    const joined = this.#begin(record, step, changes);
    onChange();
    inBackground(this.resume([joined]), onFault);
    return joined;
  }

  /** A Welcome is made by a member, for this room and epoch, direct or not as it says: else it is a trap. */
  #requirePromised({ room, epoch, direct, from }: StoredInvitation, group: Group): void {
    const { directory } = this.#options.context;
    const inviterIn = group
      .members()
      .some(({ identity }) => bytesEqual(directory.addressOf(identity).account, from));
    const policy = group.policy && readPolicy(group.policy);
    const promised = bytesEqual(group.groupId, room) && group.epoch === BigInt(epoch);
    if (!promised || !inviterIn || policy?.direct !== direct) throw notAsPromised();
  }

  /** Stores a room that begins here, then takes it into memory. */
  #begin(
    record: RoomRecord,
    step: Awaited<ReturnType<MlsEngine["create"]>>,
    changes = new ChangeSet(),
  ): Room {
    const roomText = idText(record.room);
    changes.group(roomText, step.changes);
    putRoomRecord(changes, roomText, record);
    this.#options.context.store.write(changes.list());
    const room = this.#adopt(record);
    room.setGroup(step.settle());
    return room;
  }

  #adopt(record: RoomRecord): Room {
    const { context, identityFor, timelineOf, onChange, onTimelineChange, onFault } = this.#options;
    const roomText = idText(record.room);
    const room = new Room({
      context,
      record,
      timeline: timelineOf(roomText),
      identityFor,
      events: {
        changed: onChange,
        timelineChanged: () => onTimelineChange(roomText),
        resume: () => inBackground(this.resume([room]), onFault),
        failed: onFault,
      },
    });
    this.#rooms.set(roomText, room);
    return room;
  }
}

/** Makes the relay know a room that so far is only on this device's disk. */
async function bear(room: Room, connection: RelayConnection): Promise<void> {
  try {
    await connection.request({ kind: "create-room", room: room.record.room }, "done");
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== "already-exists") throw error;
  }
  await room.born();
}

async function joinStep(engine: MlsEngine, request: Parameters<MlsEngine["join"]>[0]) {
  try {
    return await engine.join(request);
  } catch (error) {
    if (error instanceof MlsError && error.cause instanceof DirectoryUnavailable) throw offline();
    if (error instanceof MlsError) throw notAsPromised();
    throw error;
  }
}

function notAsPromised(): ChatError {
  return new ChatError("refused", "this invitation does not hold; nothing was joined");
}

function readPolicy(bytes: Uint8Array): RoomPolicy | undefined {
  try {
    return decodePolicy(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function newRecord(room: Uint8Array, nowMs: number): RoomRecord {
  return {
    room,
    name: "",
    topic: "",
    direct: false,
    key: new Uint8Array(0),
    state: "active",
    cursor: 0,
    head: EMPTY_HEAD,
    joinedAtSeq: 0,
    createdAtMs: nowMs,
    lastReadSeq: 0,
    unread: 0,
    mentions: 0,
    lastActivityMs: nowMs,
  };
}
