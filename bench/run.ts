// npm run bench [NAME …]: everything that is measured, in one run on one machine; a table, and JSON in bench/results/.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import type { BenchRow } from "./row.ts";

const BENCHES = [
  "appends",
  "fan-out",
  "idle-connections",
  "latency",
  "catch-up",
  "mls",
  "log-sync",
  "tui",
  "classic",
];
/** Units of which less is better; of all others more is. */
const COSTS = new Set(["ms", "s", "bytes", "KB", "KiB", "MB", "MiB", "kB"]);

/** Each bench runs in a process of its own, so that one's heap does not weigh on the next. */
function run(name: string): readonly BenchRow[] {
  const child = spawnSync(process.execPath, [join(import.meta.dirname, "one.ts"), name], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 26,
  });
  if (child.status !== 0) throw new Error(`bench ${name} failed`);
  return JSON.parse(child.stdout.trimEnd().split("\n").at(-1) ?? "[]") as BenchRow[];
}

function verdict({ value, goal, unit }: BenchRow): string {
  if (goal === undefined) return "";
  return (COSTS.has(unit) ? value <= goal : value >= goal) ? "reached" : "missed";
}

function print(rows: readonly BenchRow[]): void {
  const number = (value: number) =>
    value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 2 : 0 });
  const width = Math.max(...rows.map(({ name }) => name.length));
  for (const row of rows) {
    const goal = row.goal === undefined ? "" : `goal ${number(row.goal)}, ${verdict(row)}`;
    const peer = row.ratio === undefined ? "" : `${row.ratio.toFixed(2)} × ${row.peer}`;
    const figure = `${number(row.value).padStart(12)} ${row.unit.padEnd(14)}`;
    console.log(
      `${row.name.padEnd(width)} ${figure} ${[goal, peer].filter((part) => part !== "").join("; ")}`,
    );
  }
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !BENCHES.includes(name));
if (unknown.length > 0) {
  console.error(`There is no bench called ${unknown.join(", ")}; there are ${BENCHES.join(", ")}.`);
  process.exit(2);
}
const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  node: process.version,
  load: loadavg()[0],
};
console.log(
  `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}`,
);
console.log(`load at the start ${machine.load?.toFixed(2)}\n`);
const results: { readonly bench: string; readonly rows: readonly BenchRow[] }[] = [];
for (const bench of wanted.length > 0 ? wanted : BENCHES) {
  const rows = run(bench);
  results.push({ bench, rows });
  print(rows);
  console.log();
}
const folder = join(import.meta.dirname, "results");
mkdirSync(folder, { recursive: true });
const file = join(folder, `${new Date().toISOString().replaceAll(":", "-")}.json`);
writeFileSync(file, `${JSON.stringify({ machine, results }, undefined, 2)}\n`);
console.log(`bench/results/${file.slice(folder.length + 1)}`);
