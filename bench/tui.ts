import "../packages/terminal/src/translate-jsx.js";

// As the `parley` command does; React reads it when it is loaded.
process.env["NODE_ENV"] ??= "production";

/** One figure; `goal` where docs/design names one. */
export interface BenchRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal?: number;
}

const MESSAGES = 100_000;
const LOAD = { messages: MESSAGES, keys: 400, scrolls: 100 };

/** The terminal client over 100,000 messages: first list, key presses, scrolling; to the bytes written. */
export async function benchTui(): Promise<readonly BenchRow[]> {
  const { measureScreen } = await import("../packages/terminal/src/testing/screen-latency.ts");
  const { firstFrameMs, keysMs, scrollsMs } = await measureScreen(LOAD);
  const at = (sorted: readonly number[], share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const name = `terminal, ${MESSAGES.toLocaleString("en")} messages`;
  return [
    { name: `${name}: first list`, value: firstFrameMs, unit: "ms", goal: 500 },
    { name: `${name}: key press shows, p50`, value: at(keysMs, 0.5), unit: "ms", goal: 16 },
    { name: `${name}: key press shows, p99`, value: at(keysMs, 0.99), unit: "ms", goal: 16 },
    { name: `${name}: page scrolled, p50`, value: at(scrollsMs, 0.5), unit: "ms" },
    { name: `${name}: page scrolled, p99`, value: at(scrollsMs, 0.99), unit: "ms" },
  ];
}

if (import.meta.main) console.table(await benchTui());
