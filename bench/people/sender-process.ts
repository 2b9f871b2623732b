// People who talk: real clients that sign up by LINKS, accept the first invitation, and, once told to, send RATE messages
// a second together for DURATION_MS. Each message begins with the time at which it was handed to `Chat.send`.
import { join } from "node:path";
import type { Chat } from "@parley/client";
import { person, waitUntil } from "./person.ts";

const TICK_MS = 4;

const [folder = "", rate = "", durationMs = "", ...links] = process.argv.slice(2);
const people: Chat[] = [];
for (const [n, link] of links.entries()) people.push(await person(join(folder, `sender-${n}`), link));
process.send?.("ready");

const rooms = await Promise.all(
  people.map(async (chat) => {
    await waitUntil(chat, () => chat.snapshot().invitations.length > 0);
    return chat.acceptInvitation(chat.snapshot().invitations[0]?.id ?? "");
  }),
);
process.send?.("joined");
process.once("message", async () => {
  const startMs = performance.now();
  let sent = 0;
  while (performance.now() - startMs < Number(durationMs)) {
    const due = ((performance.now() - startMs) / 1000) * Number(rate);
    for (; sent < due; sent++) {
      const n = sent % people.length;
      const nowMs = performance.timeOrigin + performance.now();
      await people[n]?.send(rooms[n] ?? "", `${nowMs} ${"x".repeat(80)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  process.send?.(sent);
});
process.once("disconnect", async () => {
  for (const chat of people) await chat.close();
  process.exit(0);
});
