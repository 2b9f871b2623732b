import { bytesEqual, idText } from "@parley/protocol";
import type { RoomContent } from "../content/room-content.ts";
import { decodePolicy } from "../rooms/policy.ts";
import type { Room } from "../rooms/room.ts";
import type { OutboxItem } from "../rooms/room-record.ts";
import type { RoomContext } from "../rooms/room-work.ts";
import type { StoredItem } from "../rooms/timeline.ts";
import { Timeline } from "../rooms/timeline.ts";
import type { Member, RoomSummary, TimelineItem, TimelinePage } from "./chat.ts";
import { displayText } from "./display-text.ts";

/** The timeline of a room, with names and safe texts. */
export function roomTimeline(context: RoomContext, roomText: string): Timeline {
  return new Timeline(context.store, roomText, (id, item) => shown(context, id, item));
}

function shown(context: RoomContext, id: string, item: StoredItem): TimelineItem {
  const { seq, atMs } = item;
  switch (item.kind) {
    case "event":
      return { kind: "event", id, seq, atMs, text: displayText(item.text, { multiline: false }) };
    case "gap":
      return {
        kind: "gap",
        id,
        seq,
        atMs,
        fromSeq: seq,
        toSeq: item.toSeq,
        cause: item.cause,
        action: item.action,
      };
    case "message":
      return {
        kind: "message",
        id,
        seq,
        atMs,
        sender: person(context, item.account),
        text: displayText(item.text, { multiline: true }),
        mentionsMe: item.mentionsMe,
        send: { kind: "sent" },
        ...(item.expiresAtMs === undefined ? {} : { expiresAtMs: item.expiresAtMs }),
      };
  }
}

function person(context: RoomContext, account: Uint8Array) {
  const me = bytesEqual(account, context.me.account);
  return { account: idText(account), name: me ? context.myName : context.directory.nameOf(account), me };
}

/** A page of what was said, with the own messages that are still on their way at the end. */
export function shownPage(
  room: Room,
  context: RoomContext,
  { limit, before }: { readonly limit: number; readonly before?: string },
): TimelinePage {
  if (before !== undefined && !room.outbox.items.has(before)) return room.timeline.page(limit, before);
  const waiting: TimelineItem[] = [];
  for (const [id, { item }] of room.outbox.items) {
    if (id === before) break;
    const shownItem = waitingItem(context, id, item);
    if (shownItem) waiting.push(shownItem);
  }
  const last = waiting.slice(-limit);
  const rest = limit - last.length;
  if (rest === 0) return { items: last, more: true };
  const page = room.timeline.page(rest);
  return { items: [...page.items, ...last], more: page.more };
}

function waitingItem(context: RoomContext, id: string, item: OutboxItem): TimelineItem | undefined {
  const content = item.content as RoomContent;
  if (content.kind !== "text") return undefined;
  return {
    kind: "message",
    id,
    seq: 0,
    atMs: item.createdAtMs,
    sender: person(context, context.me.account),
    text: displayText(content.text, { multiline: true }),
    mentionsMe: false,
    send: item.failed === undefined ? { kind: "queued" } : { kind: "failed", reason: item.failed },
  };
}

/** A room as the list shows it. */
export function roomSummary(room: Room, context: RoomContext): RoomSummary {
  const { record } = room;
  const accounts = accountsIn(room, context);
  const peer = [...accounts.values()].find((account) => !bytesEqual(account, context.me.account));
  const name = record.direct && peer ? context.directory.nameOf(peer) : record.name;
  return {
    id: room.roomText,
    name: displayText(name, { multiline: false }) || "a room",
    topic: displayText(record.topic, { multiline: false }),
    direct: record.direct,
    role: room.roleOf(context.me.account),
    memberCount: accounts.size,
    unread: record.unread,
    mentions: record.mentions,
    lastActivityMs: record.lastActivityMs,
    state: record.state,
    encryption: "post-quantum",
    keepMs: room.loadedGroup?.policy ? decodePolicy(room.loadedGroup.policy).keepMs : 0,
  };
}

/** The members of a room in the order of their first leaf. */
export function memberList(
  room: Room,
  context: RoomContext,
  checkedOf: (account: Uint8Array) => string,
): readonly Member[] {
  const devices = new Map<string, number>();
  for (const { identity } of room.loadedGroup?.members() ?? []) {
    const account = idText(context.directory.addressOf(identity).account);
    devices.set(account, (devices.get(account) ?? 0) + 1);
  }
  return [...accountsIn(room, context)].map(([text, account]) => {
    return {
      account: text,
      name: person(context, account).name,
      role: room.roleOf(account),
      devices: devices.get(text) ?? 0,
      me: bytesEqual(account, context.me.account),
      checked: checkedOf(account),
    };
  });
}

/** The accounts that have a leaf in the room, by text, in leaf order. */
export function accountsIn(room: Room, context: RoomContext): ReadonlyMap<string, Uint8Array> {
  const members = room.loadedGroup?.members() ?? [];
  return new Map(
    members.map(({ identity }) => {
      const { account } = context.directory.addressOf(identity);
      return [idText(account), account];
    }),
  );
}
