import type { DeviceAddress, Request, RoomLogEntry } from "@parley/protocol";
import { decodeRoomLogEntry } from "@parley/protocol";
import type { AnswerOf, RawClient } from "./raw-client.ts";

/** 16 random bytes. */
export function randomId(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(16));
}

type CommitRequest = Extract<Request, { kind: "commit" }>;

/** A commit that changes nothing but the epoch, unless `changes` say otherwise. */
export function commitRequest(
  room: Uint8Array,
  epoch: number,
  changes: Partial<CommitRequest> = {},
): CommitRequest {
  return {
    kind: "commit",
    room,
    clientId: randomId(),
    epoch,
    replaces: 0,
    message: new TextEncoder().encode(`commit of ${epoch}`),
    added: [],
    removed: [],
    ratchetTree: Uint8Array.of(1, epoch),
    groupInfo: Uint8Array.of(2, epoch),
    ...changes,
  };
}

/** Appends `text` to a room's log. */
export function say(
  client: RawClient,
  options: { room: Uint8Array; text: string; epoch?: number; clientId?: Uint8Array },
): Promise<AnswerOf<"appended">> {
  const { room, text, epoch = 0, clientId = randomId() } = options;
  const message = new TextEncoder().encode(text);
  return client.request({ kind: "append", room, clientId, epoch, proposal: false, message }, "appended");
}

/** Creates a room and adds devices in its first commit, so that it is at epoch 1. */
export async function createRoomWith(
  client: RawClient,
  devices: readonly DeviceAddress[],
): Promise<Uint8Array> {
  const room = randomId();
  await client.request({ kind: "create-room", room }, "done");
  const added = devices.map((device) => ({ device, item: new TextEncoder().encode("welcome") }));
  await client.request(commitRequest(room, 0, { added }), "appended");
  return room;
}

/** Listens to rooms from a cursor on. */
export function resume(
  client: RawClient,
  rooms: readonly Uint8Array[],
  { after = 0, inboxAfter = 0 } = {},
): Promise<AnswerOf<"rooms">> {
  return client.request(
    { kind: "resume", rooms: rooms.map((room) => ({ room, after })), inboxAfter },
    "rooms",
  );
}

/** The entries delivered to a client, read. */
export function entriesOf(client: RawClient): RoomLogEntry[] {
  return client.deliveries.flatMap((frame) =>
    frame.kind === "entry" ? [decodeRoomLogEntry(frame.entry)] : [],
  );
}

/** The text of an entry. */
export function textOf(entry: RoomLogEntry): string {
  return new TextDecoder().decode(entry.message);
}
