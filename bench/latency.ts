import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dismiss, hear, person, startProcess, waitUntil } from "./people/person.ts";
import type { BenchRow } from "./row.ts";

const SENDERS = 4;
const OFFERED_PER_S = 1_000;
const DURATION_MS = 8_000;
/** The first messages find cold code. */
const WARM_UP = 1_000;
const P50_GOAL_MS = 5;
const P99_GOAL_MS = 25;

/**
 * From `Chat.send` to the timeline of another client, while four real clients offer 1,000 messages a second together.
 * Relay, senders and reader are a process each; TLS over loopback; fsync at the senders, the relay and the reader.
 */
export async function benchLatency(): Promise<readonly BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "parley-bench-"));
  const relay = startProcess("relay-process.ts", [`${SENDERS + 1}`]);
  try {
    const [first = "", ...others] = await hear<string[]>(relay);
    const reader = await person(join(folder, "reader"), first);
    const args = [folder, `${OFFERED_PER_S}`, `${DURATION_MS}`, ...others];
    const senders = startProcess("sender-process.ts", args);
    await hear(senders);
    const room = await reader.createRoom("garden");
    await reader.invite(
      room,
      others.map((_, n) => `sender-${n}`),
    );
    await hear(senders);
    await waitUntil(reader, () => reader.snapshot().rooms[0]?.memberCount === SENDERS + 1);

    const latenciesMs: number[] = [];
    let seenSeq = 0;
    reader.subscribeTimeline(room, () => {
      const nowMs = performance.timeOrigin + performance.now();
      const { items } = reader.timeline(room, { limit: 300 });
      for (const item of items) {
        if (item.seq <= seenSeq) continue;
        seenSeq = item.seq;
        if (item.kind === "message") latenciesMs.push(nowMs - Number.parseFloat(item.text));
      }
    });
    const startMs = performance.now();
    senders.send("go");
    const sent = await hear<number>(senders);
    await waitUntil(reader, () => latenciesMs.length >= sent);
    const seconds = (performance.now() - startMs) / 1000;
    await dismiss(senders);
    await reader.close();
    const sorted = latenciesMs.slice(WARM_UP).sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    return [
      { name: "send to shown elsewhere, p50", value: at(0.5), unit: "ms", goal: P50_GOAL_MS },
      { name: "send to shown elsewhere, p99", value: at(0.99), unit: "ms", goal: P99_GOAL_MS },
      {
        name: `carried, of ${OFFERED_PER_S} messages/s offered by ${SENDERS} clients`,
        value: sent / seconds,
        unit: "messages/s",
      },
    ];
  } finally {
    await dismiss(relay);
    rmSync(folder, { recursive: true, force: true });
  }
}
