#!/usr/bin/env node
// The one `parley` command. Parley needs Node 26; an older Node hands over to the runtime that was installed beside it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NEEDED_MAJOR = 26;
const self = fileURLToPath(import.meta.url);
const source = join(dirname(self), "..", "src", "run-from-source.js");
const bundle = join(dirname(self), "..", "dist", "main.js");

if (Number(process.versions.node.split(".")[0]) >= NEEDED_MAJOR) {
  await import(existsSync(source) ? source : bundle);
} else {
  const runtime = join(dirname(createRequire(import.meta.url).resolve("node/package.json")), "bin", "node");
  const child = spawn(runtime, [self, ...process.argv.slice(2)], { stdio: "inherit" });
  // The terminal sends Ctrl-C to both: the child decides what it means. Other signals reach this process alone.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(
      `parley: needs Node ${NEEDED_MAJOR}, and the one beside it does not start: ${error.message}\n`,
    );
    process.exit(1);
  });
  child.on("exit", (code) => process.exit(code ?? 1));
}
