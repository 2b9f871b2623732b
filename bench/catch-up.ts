import { BenchPerson } from "./room/bench-person.ts";
import { BenchRelay } from "./room/bench-relay.ts";
import type { BenchRow } from "./row.ts";

const MESSAGES = 10_000;
const GOAL_MS = 4_000;

/** A client that was away: from opening its store to the newest of 10,000 messages in its timeline, on disk, decrypted. */
export async function benchCatchUp(): Promise<readonly BenchRow[]> {
  await using relay = await BenchRelay.start();
  await using ana = await BenchPerson.arrive(relay.host, "ana");
  await using bo = await BenchPerson.arrive(relay.host, "bo");
  const room = await ana.chat.createRoom("bench");
  await ana.chat.invite(room, ["bo"]);
  await bo.accept();
  await ana.until(({ rooms }) => rooms[0]?.memberCount === 2);
  await bo.chat.close();

  const writtenMs = performance.now();
  for (let n = 0; n < MESSAGES; n++) {
    await ana.chat.send(room, `message ${n} of a conversation that bo has missed`);
    if (n % 1000 === 999) await ana.until(({ queued }) => queued === 0);
  }
  const sendMs = performance.now() - writtenMs;

  const startMs = performance.now();
  await bo.reopen();
  await bo.until(({ rooms }) => (rooms[0]?.unread ?? 0) >= MESSAGES);
  const catchUpMs = performance.now() - startMs;
  return [
    { name: "catch-up of 10,000 messages", value: catchUpMs, unit: "ms", goal: GOAL_MS },
    { name: "one client sends", value: Math.round((MESSAGES * 1000) / sendMs), unit: "messages/s" },
  ];
}
