import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** What a check said about a tree. */
export interface Verdict {
  readonly passed: boolean;
  /** Lines of its output, sorted. */
  readonly lines: readonly string[];
}

/** Runs `scripts/<check>` over a tree of these files (path → text) that exists for as long as it runs. */
export function checkTree(check: string, files: Readonly<Record<string, string>>): Verdict {
  const root = mkdtempSync(join(tmpdir(), "parley-tree-"));
  try {
    execFileSync("git", ["init", "--quiet", root]);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const script = join(import.meta.dirname, check);
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, root], { encoding: "utf8" });
    const lines = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
    return { passed: status === 0, lines: lines.sort() };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
