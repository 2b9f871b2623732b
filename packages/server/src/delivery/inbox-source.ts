import type { DeviceAddress } from "@parley/protocol";
import { deviceText, encode, serverFrame } from "@parley/protocol";
import type { InboxItem, InboxStore } from "../store/contract.ts";
import type { FeedSource, LogItem } from "./feed.ts";
import { PAGE_LIMITS } from "./room-source.ts";
import { frameMessage } from "./websocket-framing.ts";

/** The topic of a device's inbox. */
export function inboxTopic(device: DeviceAddress): string {
  return `inbox/${deviceText(device)}`;
}

/** Encodes an inbox item for delivery. */
export function inboxLogItem({ seq, from, receivedAtMs, item }: InboxItem): LogItem {
  return { seq, bytes: encode(serverFrame, { kind: "inbox-item", seq, from, receivedAtMs, item }) };
}

/** The inbox of `device`, read from the store. */
export function inboxSource(store: InboxStore, device: DeviceAddress): FeedSource {
  return {
    read: async (afterSeq) => (await store.readInbox(device, afterSeq, PAGE_LIMITS)).map(inboxLogItem),
    frame: (items) => Buffer.concat(items.map(({ bytes }) => frameMessage(bytes))),
    farewell: () => undefined,
  };
}
