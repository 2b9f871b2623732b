// People who write at a steady pace, in a process of their own: argv = host, number of people, messages per second of
// each, seconds. Told "go" by the parent once all are in the room; each text is the moment it was sent.
import { once } from "node:events";
import { BenchPerson } from "./bench-person.ts";

const [host = "", people = "", perSecond = "", seconds = ""] = process.argv.slice(2);
const names = Array.from({ length: Number(people) }, (_, n) => `sender-${n}`);
const senders: BenchPerson[] = [];
for (const name of names) senders.push(await BenchPerson.arrive(host, name));
process.send?.(names);
const rooms = await Promise.all(senders.map((sender) => sender.accept()));
process.send?.("ready");
await once(process, "message");

const periodMs = 1000 / Number(perSecond);
const count = Number(perSecond) * Number(seconds);
await Promise.all(
  senders.map(async (sender, place) => {
    const room = rooms[place] ?? "";
    const startMs = performance.now() + (periodMs * place) / senders.length;
    for (let n = 0; n < count; n++) {
      const waitMs = startMs + n * periodMs - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      await sender.chat.send(room, String(performance.timeOrigin + performance.now()));
    }
    await sender.until(({ queued }) => queued === 0);
  }),
);
process.send?.("done");
await once(process, "message");
for (const sender of senders) await sender[Symbol.asyncDispose]();
process.exit(0);
