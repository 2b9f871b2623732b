import type { Bus } from "./bus.ts";

/** The bus of a relay that is one process: a call. */
export function createInProcessBus(): Bus {
  const hearers = new Set<(topic: string, seq: number) => void>();
  return {
    publish(topic, seq) {
      for (const hear of hearers) hear(topic, seq);
    },
    subscribe(hear) {
      hearers.add(hear);
      return () => hearers.delete(hear);
    },
    async close() {
      hearers.clear();
    },
  };
}
