import type { DeviceAddress } from "@parley/protocol";
import { deviceText } from "@parley/protocol";
import type { InboxItem, InboxStore } from "../store/contract.ts";
import type { FeedSource, FramedEntry } from "./feed.ts";
import { PAGE_LIMITS } from "./room-source.ts";
import { frameForWire } from "./websocket-framing.ts";

/** The topic of a device's inbox. */
export function inboxTopic(device: DeviceAddress): string {
  return `inbox/${deviceText(device)}`;
}

/** Frames an inbox item for delivery. */
export function frameInboxItem({ seq, from, receivedAtMs, item }: InboxItem): FramedEntry {
  return { seq, frame: frameForWire({ kind: "inbox-item", seq, from, receivedAtMs, item }) };
}

/** The inbox of `device`, read from the store. */
export function inboxSource(store: InboxStore, device: DeviceAddress): FeedSource {
  return {
    read: async (afterSeq) => (await store.readInbox(device, afterSeq, PAGE_LIMITS)).map(frameInboxItem),
    farewell: () => undefined,
  };
}
