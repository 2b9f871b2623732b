// Runs one bench and prints its rows as one line of JSON; the work of a process that bench/run.ts starts.
import { join } from "node:path";
import type { BenchRow } from "./row.ts";

const [name = ""] = process.argv.slice(2);
const module = (await import(join(import.meta.dirname, `${name}.ts`))) as Record<string, unknown>;
const measure = Object.entries(module).find(([key]) => key.startsWith("bench"))?.[1];
if (typeof measure !== "function") throw new Error(`bench/${name}.ts exports no bench`);
const rows = (await measure()) as readonly BenchRow[];
process.stdout.write(`\n${JSON.stringify(rows)}\n`, () => process.exit(0));
