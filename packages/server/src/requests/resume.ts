import type { Handler } from "./call.ts";

/** docs/protocol.md §4.10. */
export const resume: Handler<"resume"> = async ({ rooms, inboxAfter }, { session }) => {
  const { heads, begin } = await session.subscriptions.resume(rooms, inboxAfter);
  return { answer: { kind: "rooms", rooms: heads }, afterwards: begin };
};
