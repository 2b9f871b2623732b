import { createHash } from "node:crypto";
import { ProtocolError } from "@parley/protocol";
import { inboxLogItem, inboxTopic } from "../delivery/inbox-source.ts";
import type { Handler } from "./call.ts";
import { DONE } from "./call.ts";

/** docs/protocol.md §4.11. */
export const acknowledgeInbox: Handler<"acknowledge-inbox"> = async (
  { upTo },
  { services: { store }, session },
) => {
  await store.acknowledgeInbox(session.device, upTo);
  return DONE;
};

/** docs/protocol.md §4.12. The same item from the same device is put into an inbox once, however often it is sent. */
export const postInbox: Handler<"post-inbox"> = async ({ account, item }, { services, session }) => {
  const devices = await services.accounts.liveDevices(account);
  if (!devices) throw new ProtocolError("not-found");
  const from = session.device;
  const dedupeKey = new Uint8Array(createHash("sha256").update(session.deviceKey).update(item).digest());
  const nowMs = services.clock.nowMs();
  const quotaBytes = services.controls.of(account).inboxBytes;
  const posts = devices.map(async (device) => {
    const { seq, receivedAtMs, duplicate } = await services.store.appendInbox({
      device,
      from,
      item,
      dedupeKey,
      nowMs,
      quotaBytes,
    });
    if (duplicate) return;
    services.fanOut.announce(inboxTopic(device), seq, () => inboxLogItem({ seq, from, receivedAtMs, item }));
  });
  await Promise.all(posts);
  return DONE;
};
