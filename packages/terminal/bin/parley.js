#!/usr/bin/env node
// The one `parley` command. Parley needs Node 26; an older Node hands over to the runtime that was installed beside it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NEEDED_MAJOR = 26;
// React's development build takes twice as long for a frame.
process.env.NODE_ENV ??= "production";
const here = dirname(fileURLToPath(import.meta.url));

if (Number(process.versions.node.split(".")[0]) >= NEEDED_MAJOR) {
  await import(pathOfProgram());
} else {
  const runtime = join(dirname(createRequire(import.meta.url).resolve("node/package.json")), "bin", "node");
  const run = spawnSync(runtime, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  if (run.error) {
    process.stderr.write(
      `parley: needs Node ${NEEDED_MAJOR}, and the one installed beside it does not start: ${run.error.message}\n`,
    );
  }
  process.exit(run.status ?? 1);
}

/** The bundle when published; the sources, with JSX translated on the fly, in the repository. */
function pathOfProgram() {
  const bundle = join(here, "..", "dist", "main.js");
  return existsSync(join(here, "..", "src")) ? join(here, "..", "src", "run-from-source.js") : bundle;
}
