// Makes a clone ready: `npm ci` when node_modules is missing or older than the lock file, then the patch of the MLS
// engine. Plain JavaScript for Node >= 20, because it runs before the pinned runtime (the `node` package) is there.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { patchTsMls } from "./patch-ts-mls.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const installed = join(root, "node_modules", ".package-lock.json");
const lock = join(root, "package-lock.json");

const isStale = !existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs;
if (isStale) {
  process.stderr.write("Setting up (once): npm ci\n");
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (npm.status !== 0) fail("`npm ci` failed; its output is above.");
}

try {
  patchTsMls(root);
} catch (error) {
  fail(error.message);
}

function fail(message) {
  process.stderr.write(`parley: ${message}\n`);
  process.exit(1);
}
