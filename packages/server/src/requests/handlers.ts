import type { RequestKind } from "@parley/protocol";
import { appendEntry } from "./account-entries.ts";
import { lookUp } from "./accounts.ts";
import { append } from "./append.ts";
import type { Call, Handler, Reply, RequestOf } from "./call.ts";
import { DONE } from "./call.ts";
import { commit } from "./commit.ts";
import { acknowledgeInbox, postInbox } from "./inbox.ts";
import { createInvite } from "./invites.ts";
import { claimKeyPackages, putKeyPackages } from "./key-packages.ts";
import { logEntries } from "./log-entries.ts";
import { repairLog } from "./repair-log.ts";
import { resume } from "./resume.ts";
import { createRoom, listRooms, roomState } from "./rooms.ts";

/** What a logged-in device may ask. */
export type MemberRequestKind = Exclude<RequestKind, "authenticate" | "register">;

const HANDLERS: { readonly [K in MemberRequestKind]: Handler<K> } = {
  "look-up": lookUp,
  "put-key-packages": putKeyPackages,
  "claim-key-packages": claimKeyPackages,
  "create-room": createRoom,
  append,
  commit,
  "list-rooms": listRooms,
  resume,
  "acknowledge-inbox": acknowledgeInbox,
  "post-inbox": postInbox,
  "room-state": roomState,
  "create-invite": createInvite,
  ping: async () => DONE,
  "log-entries": logEntries,
  "repair-log": repairLog,
  "append-account-entry": appendEntry,
};

/** Carries out a request of a logged-in device. */
export function handle<K extends MemberRequestKind>(
  kind: K,
  request: RequestOf<K>,
  call: Call,
): Promise<Reply> {
  const handler: Handler<K> = HANDLERS[kind];
  return handler(request, call);
}
