// `npm start`: the chat on a terminal, the demo without one.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const parley = join(
  dirname(fileURLToPath(import.meta.url)),
  "..",
  "packages",
  "terminal",
  "bin",
  "parley.js",
);
const args = process.stdin.isTTY && process.stdout.isTTY ? ["start"] : ["demo"];
const { status, signal } = spawnSync(process.execPath, [parley, ...args, ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exit(signal ? 1 : (status ?? 1));
