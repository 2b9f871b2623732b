import { idText } from "@parley/protocol";
import { replyTo } from "./append.ts";
import type { Handler } from "./call.ts";

/** docs/protocol.md §4.8. */
export const commit: Handler<"commit"> = async (request, { services, session }) => {
  const { kind: _, ...content } = request;
  const { room } = content;
  if (content.replaces !== 0) services.traffic.admitReplacement(session.deviceKey, idText(room));
  const startedAt = performance.now();
  const committed = await services.store.acceptCommit({
    ...content,
    sender: session.device,
    nowMs: services.clock.nowMs(),
  });
  services.metrics.appended(startedAt);
  const reply = replyTo(committed, room, services);
  if (content.added.length === 0) return reply;
  return {
    answer: reply.answer,
    afterwards() {
      reply.afterwards?.();
      services.welcomes.deliver(room);
    },
  };
};
