// Every section that the code cites (docs/protocol.md §4.2, trust.md §A1 …) must be a heading of that document.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The tree to check: a folder under git, by default this one. */
const root = process.argv[2] ?? join(import.meta.dirname, "..");
const CITATION = /(docs\/[a-z0-9-]+\.md),? §(\d+(?:\.\d+)*)/g;

const headings = new Map<string, ReadonlySet<string>>();

function headingsOf(document: string): ReadonlySet<string> {
  let known = headings.get(document);
  if (!known) {
    const text = existsSync(join(root, document)) ? readFileSync(join(root, document), "utf8") : "";
    known = new Set([...text.matchAll(/^#+ (\d+(?:\.\d+)*)\.? /gm)].map(([, number]) => number as string));
    headings.set(document, known);
  }
  return known;
}

const files = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts", "*.tsx"],
  {
    cwd: root,
    encoding: "utf8",
  },
);
const missing: string[] = [];
for (const file of files.split("\n").filter((name) => name !== "" && existsSync(join(root, name)))) {
  const text = readFileSync(join(root, file), "utf8");
  for (const [, document, section] of text.matchAll(CITATION)) {
    if (document && section && !headingsOf(document).has(section))
      missing.push(`${file}: ${document} §${section}`);
  }
}
if (missing.length > 0) {
  console.error(`Cited sections that do not exist:\n${missing.join("\n")}`);
  process.exit(1);
}
console.log("sections: every cited one exists");
